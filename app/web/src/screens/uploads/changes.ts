/** One row against what is stored: field by field, and its shape. */
import type { Feature } from "../../api/answers";
import { language, t } from "../../i18n";
import { fill, h } from "../../ui/dom";
import { area } from "../../ui/format";
import { facts } from "../../ui/card";
import { table } from "../../ui/table";
import { reasonOf } from "../../ui/states";
import type { PreviewRow } from "./answers";
import type { Look } from "./finding";
import { titleOf, valueText } from "./words";

interface Change {
  title: string;
  before: string;
  after: string;
}

export async function changes(look: Look, row: PreviewRow, body: HTMLElement): Promise<void> {
  if (row.properties._status !== "changed" || row.properties._fid === null) return fill(body, values(look, row));
  fill(body, h("p", { class: "note", role: "status" }, t("state.loading")));
  try {
    const before = await stored(look, row.properties._fid);
    look.shapes.other(before.geometry);
    const found = differing(look, before, row);
    const columns = [
      { title: t("uploads.field"), cell: (one: Change) => one.title },
      { title: t("uploads.before"), cell: (one: Change) => h("span", { class: "before" }, one.before) },
      { title: t("uploads.after"), cell: (one: Change) => h("strong", {}, one.after) },
    ];
    fill(body, table(t("uploads.changes"), columns, found));
  } catch (error) {
    fill(body, h("p", { class: "error" }, reasonOf(error)));
  }
}

/** As it is, or was before this upload was stored. */
function stored({ app, upload }: Look, fid: number): Promise<Feature> {
  const before = upload.revision === null ? null : String(upload.revision - 1);
  return app.api.get("/collections/{layer}/items/{fid}", { path: { layer: upload.layer, fid }, query: { as_of: before } });
}

/** Only fields that the file has are changed. */
function differing({ schema, report, app }: Look, before: Feature, after: PreviewRow): Change[] {
  const found: Change[] = [];
  for (const { field } of report.mapping?.fields ?? []) {
    const [was, is] = [before.properties[field], after.properties[field]];
    if ((was ?? null) === (is ?? null)) continue;
    found.push({ title: titleOf(schema, field), before: valueText(schema, field, was), after: valueText(schema, field, is) });
  }
  if (!sameShape(before.geometry, after.geometry)) {
    const { unit } = app.store.get();
    const m2 = before.properties.area_m2;
    const was = typeof m2 === "number" ? `${area(m2, unit, language())} ${t(`unit.${unit}`)}` : t("uploads.shape.before");
    found.push({ title: t("uploads.shape"), before: was, after: t("uploads.shape.after") });
  }
  return found;
}

/** Corners at the same places to a millimetre or two, wherever the rings begin. */
function sameShape(a: GeoJSON.Geometry | null, b: GeoJSON.Geometry | null): boolean {
  const [one, two] = [corners(a), corners(b)];
  return within(one, two) && within(two, one);
}

type Corner = [x: number, y: number];
const PER_DEGREE = 1e8;

function corners(geometry: GeoJSON.Geometry | null): Map<string, Corner> {
  const found = new Map<string, Corner>();
  const walk = (part: unknown): void => {
    if (!Array.isArray(part)) return;
    const [x, y] = part as unknown[];
    if (typeof x === "number" && typeof y === "number") {
      const corner: Corner = [Math.round(x * PER_DEGREE), Math.round(y * PER_DEGREE)];
      found.set(corner.join(), corner);
    } else part.forEach(walk);
  };
  if (geometry && "coordinates" in geometry) walk([geometry.coordinates]);
  return found;
}

function within(some: Map<string, Corner>, others: Map<string, Corner>): boolean {
  const near = [-1, 0, 1];
  return [...some.values()].every(([x, y]) => near.some((dx) => near.some((dy) => others.has(`${x + dx},${y + dy}`))));
}

function values({ schema, report }: Look, row: PreviewRow): HTMLElement {
  const names = row.properties._status === "absent" ? Object.keys(schema.properties) : (report.mapping?.fields ?? []).map(({ field }) => field);
  const shown = names.filter((name) => row.properties[name] !== null && row.properties[name] !== undefined);
  return facts(shown.map((name) => [titleOf(schema, name), valueText(schema, name, row.properties[name])]));
}
