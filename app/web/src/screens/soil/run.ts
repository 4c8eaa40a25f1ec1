/** One run: on its way, or its result: areas that close, change, and the map of grades. */
import type { Schema } from "../../api/answers";
import { language, t } from "../../i18n";
import { button } from "../../ui/button";
import { facts } from "../../ui/card";
import { fill, h } from "../../ui/dom";
import { areaScale } from "../../ui/area";
import { checkbox, type Option, select } from "../../ui/field";
import { percent } from "../../ui/format";
import { failed, loading } from "../../ui/states";
import { backTo, type Desk } from ".";
import { follow } from "./follow";
import { legendOf } from "./legend";
import { showPicture, swipePictures } from "./picture";
import { areasTable, closing } from "./run-areas";
import { changeView } from "./run-change";
import { tell } from "./runs";
import type { Areas, GradeLegend, Run, TileJson } from "./service";

const GRADES_OPACITY = 0.9;

export function runPage(desk: Desk, id: number): void {
  const { app, soil, root } = desk;
  const body = h("div", {}, loading());
  fill(root, backTo(app, ["runs"], t("soil.back.runs")), body);
  const read = async (): Promise<void> => {
    try {
      const [run, scenes, indices, gradings] = await Promise.all([soil.run(id), soil.scenes(), soil.indices(), soil.gradings()]);
      if (desk.signal.aborted) return;
      const { dates, what } = tell(run, { scenes, indices, gradings });
      const result = h("div", {});
      fill(body, h("h3", { class: "detail-title" }, dates), h("p", { class: "note" }, `${what} · #${id}`), result);
      if (run.state === "done") await showResult(result, desk, run);
      else await follow(result, desk, id, () => void read());
    } catch (error) {
      if (!desk.signal.aborted) fill(body, failed(error, app, () => void read()));
    }
  };
  void read();
}

async function showResult(root: HTMLElement, desk: Desk, run: Run): Promise<void> {
  const { app, soil } = desk;
  desk.place.layout("wide");
  fill(root, loading());
  const json = await soil.grades(run.id);
  if (desk.signal.aborted) return;
  showPicture(app.board, json, GRADES_OPACITY);
  app.board?.fit(json.bounds);
  const legend = json.legend as GradeLegend;
  const { layer } = run.question.zones;
  const schema = layer ? await app.api.schema(layer).catch(() => null) : null;
  const body = h("div", {});
  const pair = run.question.scenes.length > 1;
  const show = async (by: string): Promise<void> => {
    app.store.setParams({ by });
    fill(body, loading());
    try {
      const areas = await soil.areas(run.id, by);
      const change = pair ? await soil.change(run.id, by) : null;
      if (desk.signal.aborted) return;
      const codes = schema?.properties[by]?.oneOf ?? [];
      const named = ({ group }: { group: unknown }): string | null => (by === "zone" ? `#${String(group)}` : (codes.find((code) => code.const === String(group))?.title ?? null));
      for (const row of [...areas.rows, ...(change?.rows ?? [])]) row.label ??= named(row);
      fill(
        body,
        headline(areas, app.store.get().unit),
        closing(areas.union, legend, app.store.get().unit),
        ...areas.warnings.map((warning) => h("p", { class: "notice warn" }, warning[language()])),
        change && changeView(change, legend, app.store.get().unit, by !== "zone"),
        h("section", { class: "block" }, h("h4", { class: "block-title" }, t("soil.areas")), areasTable(areas, legend, app.store.get().unit)),
        downloads(desk, run, by, pair),
        about(areas),
      );
    } catch (error) {
      fill(body, failed(error, app, () => void show(by)));
    }
  };
  const wanted = desk.params.by ?? (run.question.splits?.[0] || "zone");
  fill(
    root,
    h("div", { class: "block" }, legendOf(json.legend), pair && run.question.spec.index !== undefined && checkbox(t("soil.run.swipe"), false, (on) => void swipe(desk, run, on ? null : json).catch(app.report))),
    h("div", { class: "soil-by" }, select(t("totals.by"), wanted, groupings(desk, run, schema), (by) => void show(by))),
    body,
  );
  await show(wanted);
}

/** The index on both dates, with a bar between them; or the grades again. */
async function swipe({ app, soil, signal }: Desk, { question }: Run, grades: TileJson | null): Promise<void> {
  const { index } = question.spec;
  const [before, after] = question.scenes;
  if (grades) {
    app.board?.swipe(null);
    return showPicture(app.board, grades, GRADES_OPACITY);
  }
  if (!index || !before || !after) return;
  app.board?.overlay("picture").remove();
  const mask = (question.masks ?? []).join(",");
  const [left, right] = await Promise.all([before, after].map((id) => soil.picture(id, { index, ...(mask ? { mask } : {}) })));
  if (left && right && !signal.aborted) swipePictures(app.board, [left.name, left], [right.name, right]);
}

/** By what areas may be grouped: zones, layers that cut them, coded fields of their layer. */
function groupings({ app }: Desk, { question }: Run, schema: Schema | null): Option[] {
  const catalog = app.catalog.get();
  const title = (id: string): string => (catalog.state === "ready" ? (catalog.collections.find((one) => one.id === id)?.title ?? id) : id);
  const fields = Object.entries(schema?.properties ?? {}).filter(([, { oneOf }]) => (oneOf?.length ?? 0) > 0);
  return [
    ...(question.splits ?? []).map((id): Option => [id, title(id)]),
    ...fields.map(([name, property]): Option => [name, property.title ?? name]),
    ["zone", t("soil.byZone")],
  ];
}

function headline({ union, overlap_removed_m2: overlap }: Areas, unit: "mu" | "ha" | "m2"): HTMLElement {
  const write = areaScale(union.area_m2, unit);
  const one = (title: string, value: string, note = ""): HTMLElement =>
    h("div", { class: "headline" }, h("span", { class: "label" }, title), h("span", { class: "headline-value" }, value), h("span", { class: "note" }, note));
  const seen = Object.values(union.grades).reduce((all, m2) => all + m2, 0);
  return h(
    "div",
    { class: "headlines" },
    one(t("soil.zones.area"), write(union.area_m2), overlap > 0 ? t("soil.overlap", { area: write(overlap) }) : ""),
    one(t("soil.graded"), write(seen), union.area_m2 > 0 ? percent(seen / union.area_m2, language()) : ""),
    one(t("soil.masked"), write(union.masked_m2)),
    one(t("soil.outside"), write(union.outside_m2)),
  );
}

function downloads({ app }: Desk, { id }: Run, by: string, pair: boolean): HTMLElement {
  const get = (f: "xlsx" | "csv") => (): void => void app.api.download("/soil/runs/{run_id}/areas", `soil-areas-${id}.${f}`, { path: { run_id: id }, query: { by, f } }).catch(app.report);
  const getChange = (): void => void app.api.download("/soil/runs/{run_id}/change", `soil-change-${id}.xlsx`, { path: { run_id: id }, query: { by, f: "xlsx" } }).catch(app.report);
  return h(
    "div",
    { class: "row block" },
    button(t("totals.xlsx"), get("xlsx"), "quiet"),
    button(t("totals.csv"), get("csv"), "quiet"),
    pair && button(t("soil.change.xlsx"), getChange, "quiet"),
  );
}

function about({ method, definition, scenes, revision }: Areas): HTMLElement {
  const lang = language();
  return h(
    "details",
    { class: "block meaning" },
    h("summary", {}, t("figures.meaning")),
    facts([
      [t("totals.definition"), definition[lang]],
      [t("totals.method"), method[lang]],
      [t("soil.scene"), scenes.join(", ")],
      [t("figures.revision"), String(revision)],
    ]),
  );
}
