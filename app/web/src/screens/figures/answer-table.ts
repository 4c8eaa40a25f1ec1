/** A table of an answer: numbers at the right, the first rows at first, features lead to the map. */
import type { App } from "../../app/context";
import { collectionOf } from "../../app/context";
import { language, t } from "../../i18n";
import { button } from "../../ui/button";
import { type Child, fill, h } from "../../ui/dom";
import type { AreaUnit } from "../../ui/format";
import { type Column, table } from "../../ui/table";
import type { AnswerColumn, AnswerTable, Value } from "./answers";
import { cellText, digitsOf, isDate, isNumber, shown, unitOf } from "./cells";

const FIRST = 12;
const MOST = 500;
type Row = AnswerTable["rows"][number];

/** Layers whose features the rows of a table are, named by `code`. */
const FEATURES: Record<string, string> = {
  "accepted-not-mapped/parcels": "parcels",
  "still-saline/plots": "plots",
  "soil-means/unsampled": "plots",
  "district/far_plots": "plots",
  "overdue-inspections/facilities": "structures",
};

export function answerTable(question: string, answer: AnswerTable, app: App): HTMLElement {
  if (!answer.rows.length) return h("p", { class: "state-hint" }, t("figures.noRows"));
  const { unit } = app.store.get();
  const [only] = answer.rows;
  if (only && answer.rows.length === 1) return single(only, answer, unit, app);
  const layer = FEATURES[`${question}/${answer.name}`];
  const columns = visible(answer.columns).map((column) => columnOf(column, answer, unit, app));
  const box = h("div", {});
  const show = (count: number): void => {
    const rows = answer.rows.slice(0, count);
    const rest = answer.rows.length - rows.length;
    fill(
      box,
      table(answer.title, columns, rows, layer ? { onRow: (row) => void open(app, layer, String(row.code)).catch(app.report) } : {}),
      rest > 0 &&
        h(
          "div",
          { class: "row more" },
          count < MOST ? button(t("figures.more", { count: rest }), () => show(MOST), "quiet") : h("span", { class: "note" }, t("figures.rest", { count: rest })),
        ),
    );
  };
  show(answer.rows.length <= FIRST + 3 ? FIRST + 3 : FIRST);
  return box;
}

/** One row is read better as a few large figures. */
function single(row: Row, answer: AnswerTable, unit: AreaUnit, app: App): HTMLElement {
  return h(
    "div",
    { class: "headlines" },
    ...visible(answer.columns).map((column) =>
      h(
        "div",
        { class: "headline" },
        h("span", { class: "label" }, column.title),
        h("span", { class: "headline-value" }, columnOf(column, answer, unit, app).cell(row), h("span", { class: "headline-unit" }, unitOf(column, unit))),
      ),
    ),
  );
}

/** Of titles in two languages the one of the page; their code is then not needed. */
export function visible(columns: readonly AnswerColumn[]): AnswerColumn[] {
  const both = columns.some(({ name }) => name === "title_zh");
  const mine = `title_${language()}`;
  return columns.filter(({ name }) => !both || (name !== "item" && (!name.startsWith("title_") || name === mine)));
}

function columnOf(column: AnswerColumn, { rows, labels }: AnswerTable, unit: AreaUnit, app: App): Column<Row> {
  const number = isNumber(column, rows);
  const values = rows.map((row) => row[column.name]).filter((value): value is number => typeof value === "number");
  const digits = number ? digitsOf(column, values.map((value) => shown(value, column, unit))) : 0;
  const named = unitOf(column, unit);
  return {
    title: named ? `${column.title} (${named})` : column.title,
    number,
    cell: (row): Child => {
      const value = row[column.name];
      if (column.name === "layer") return layerTitle(value, app);
      const text = cellText(value, column, labels, unit, digits);
      return isDate(value) ? h("span", { class: "nowrap" }, text) : text;
    },
  };
}

function layerTitle(value: Value | undefined, app: App): string {
  return collectionOf(app.catalog.get(), String(value))?.title ?? String(value);
}

/** Shows the feature of this code on the map. */
async function open(app: App, layer: string, code: string): Promise<void> {
  const filter = `code = '${code.replaceAll("'", "''")}'`;
  const { features } = await app.api.get("/collections/{layer}/items", { path: { layer }, query: { filter, limit: 1, f: "geojson" } });
  const [feature] = features;
  if (!feature) return app.toast(t("feature.gone"), "failed");
  app.go("map");
  app.store.set({ selected: { layer, fid: feature.id }, tab: "feature" });
  if (feature.geometry) app.board?.fit(feature.geometry);
}
