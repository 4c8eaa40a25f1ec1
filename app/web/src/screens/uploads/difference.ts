/** What storing a file changes: its rows by their status, before and after, and what they overlap. */
import { language, t } from "../../i18n";
import { button } from "../../ui/button";
import { type Child, fill, h } from "../../ui/dom";
import { area, integer } from "../../ui/format";
import { icon } from "../../ui/icon";
import { loading, message } from "../../ui/states";
import { changes } from "./changes";
import type { Overlap, Overlaps, PreviewRow, Report, Status } from "./answers";
import type { Look } from "./finding";
import { COLORS, valueText } from "./words";

const PAGE = 30;

interface Kind {
  status: Status;
  count: number;
}

/** Returns what shows the row of a number. */
export function difference(panel: HTMLElement, look: Look): (row: number) => void {
  const { report } = look;
  const kinds = kindsOf(report);
  const first = kinds.find(({ status, count }) => count > 0 && status !== "unchanged") ?? kinds.find(({ count }) => count > 0);
  if (!first) {
    fill(panel, message(t("uploads.rows.none"), t("uploads.rows.none.hint")));
    return () => undefined;
  }
  const filters = h("div", { class: "statuses", role: "group", "aria-label": t("uploads.status") });
  const rows = h("div", { class: "upload-rows" });
  let chosen = first.status;
  const choose = (status: Status): void => {
    chosen = status;
    fill(filters, ...kinds.map((kind) => filter(kind, kind.status === chosen, choose)));
    void list(look, rows, chosen);
  };
  const swept = report.mode === "replace" && (report.diff?.absent ?? 0) > 0;
  fill(
    panel,
    filters,
    swept && h("p", { class: "note warn" }, t("uploads.absent.deleted")),
    overlaps(look, "stored", report.overlaps?.stored),
    overlaps(look, "inside", report.overlaps?.inside),
    rows,
  );
  choose(first.status);
  return (number) => void single(look, rows, number);
}

function kindsOf({ diff, counts }: Report): Kind[] {
  const kinds: Kind[] = diff
    ? [
        { status: "new", count: diff.new },
        { status: "changed", count: diff.changed },
        { status: "unchanged", count: diff.unchanged },
        { status: "absent", count: diff.absent },
      ]
    : [
        { status: "valid", count: counts?.valid ?? 0 },
        { status: "rejected", count: counts?.rejected ?? 0 },
      ];
  return kinds;
}

function filter({ status, count }: Kind, on: boolean, choose: (status: Status) => void): HTMLElement {
  return h(
    "button",
    { type: "button", class: "status", "aria-pressed": String(on), "data-status": status, disabled: count === 0, onclick: () => choose(status) },
    h("span", { class: "status-count" }, integer(count, language())),
    h("span", { class: "status-name" }, dot(status), t(`uploads.status.${status}`)),
  );
}

function dot(status: Status): HTMLElement {
  return h("i", { class: "dot", style: { background: COLORS[status] }, "aria-hidden": "true" });
}

async function list(look: Look, root: HTMLElement, status: Status): Promise<void> {
  const body = h("ul", {});
  fill(root, body, loading());
  const page = async (after: number): Promise<void> => {
    try {
      const { features, next, numberMatched } = await look.app.api.get("/uploads/{upload_id}/preview", {
        path: { upload_id: look.upload.id },
        query: { status: [status], after, limit: PAGE },
      });
      if (!root.contains(body)) return;
      body.append(...features.map((feature) => line(look, feature)));
      const left = numberMatched - body.childElementCount;
      fill(root, body, next !== null && button(t("uploads.rows.more", { count: integer(left, language()) }), () => void page(next), "quiet"));
    } catch (error) {
      if (!root.contains(body)) return;
      look.app.report(error);
      fill(root, body, button(t("state.retry"), () => void page(after), "quiet"));
    }
  };
  await page(0);
}

/** A row that was clicked on the map. */
async function single(look: Look, root: HTMLElement, number: number): Promise<void> {
  const there = root.querySelector<HTMLDetailsElement>(`[data-row="${number}"] details`);
  if (there) {
    there.open = true;
    return there.scrollIntoView({ block: "nearest" });
  }
  const { features } = await look.app.api.get("/uploads/{upload_id}/preview", {
    path: { upload_id: look.upload.id },
    query: { after: number - 1, limit: 1 },
  });
  const [feature] = features;
  if (!feature) return;
  const element = line(look, feature);
  root.querySelector("ul")?.prepend(element);
  element.querySelector("details")?.setAttribute("open", "");
  element.scrollIntoView({ block: "nearest" });
}

function line(look: Look, feature: PreviewRow): HTMLElement {
  const { schema, upload, shapes } = look;
  const { _row: row, _status: status, _issues: issues } = feature.properties;
  const info = keysOf(look);
  const value = (name: string): Child => valueText(schema, name, feature.properties[name]);
  const name = info.label && feature.properties[info.label] ? value(info.label) : value(info.key[0] ?? "");
  const key = info.key.filter((one) => one !== info.label).map((one) => String(feature.properties[one] ?? "")).join(" / ");
  const body = h("div", { class: "row-body" });
  const element: HTMLDetailsElement = h(
    "details",
    {
      ontoggle: () => {
        if (!element.open) return;
        shapes.other(null);
        shapes.show(feature.geometry);
        if (!body.childElementCount) void changes(look, feature, body);
      },
    },
    h(
      "summary",
      {},
      dot(status),
      h("span", { class: "row-name" }, name),
      h("span", { class: "note" }, [key, row !== null && t("uploads.row", { row })].filter(Boolean).join(" · ")),
    ),
    issues.length > 0 && h("ul", { class: "row-issues" }, ...issues.map(({ severity, message: text }) => h("li", { "data-severity": severity }, text))),
    body,
  );
  return h("li", { "data-row": row, "data-layer": upload.layer }, element);
}

function keysOf({ app, upload }: Look): { label: string | null; key: string[] } {
  const catalog = app.catalog.get();
  const info = catalog.state === "ready" ? catalog.collections.find(({ id }) => id === upload.layer)?.liangtian : undefined;
  return { label: info?.label ?? null, key: info?.key ?? [] };
}

function overlaps(look: Look, kind: "stored" | "inside", found: Overlaps | undefined): Child {
  if (!found?.pairs) return null;
  const { app, shapes, upload } = look;
  const unit = app.store.get().unit;
  const amount = (m2: number): string => `${area(m2, unit, language())} ${t(`unit.${unit}`)}`;
  const show = async ({ fid, point }: Overlap): Promise<void> => {
    const [lon, lat] = point;
    app.board?.fit([lon - 0.004, lat - 0.003, lon + 0.004, lat + 0.003]);
    app.board?.highlight({ type: "Point", coordinates: point });
    if (fid === null) return;
    const feature = await app.api.get("/collections/{layer}/items/{fid}", { path: { layer: upload.layer, fid } });
    shapes.other(feature.geometry);
  };
  const items = found.largest.map((overlap) => {
    const { row, other_row: other, key, m2 } = overlap;
    const with_ = other !== null ? t("uploads.row", { row: other }) : key ?? "";
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "overlap", title: t("uploads.onMap"), onclick: () => void show(overlap).catch((error: unknown) => app.report(error)) },
        h("span", {}, t("uploads.overlap", { row: t("uploads.row", { row }), other: with_ })),
        h("span", { class: "number" }, amount(m2)),
      ),
    );
  });
  return h(
    "details",
    { class: "overlaps", "data-overlaps": kind },
    h("summary", {}, h("span", {}, t(`uploads.overlaps.${kind}`, { count: integer(found.pairs, language()) })), h("strong", {}, amount(found.m2)), icon("chevron", 16)),
    h("ul", {}, ...items),
  );
}

