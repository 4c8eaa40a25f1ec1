/** Which tables of the weekly questions have a chart, and of what. */
import { language, t } from "../../i18n";
import { key } from "../../ui/charts/frame";
import { type Row, rowChart } from "../../ui/charts/rows";
import { h } from "../../ui/dom";
import type { AreaUnit } from "../../ui/format";
import type { AnswerTable } from "./answers";
import { cellText, digitsOf, shown, unitOf } from "./cells";

interface Spec {
  /** Columns that name a bar; rows of the same name are added up. */
  label: string[];
  /** Columns whose values follow one another in a bar. */
  values: string[];
}

const CHARTS: Record<string, Spec> = {
  "hsf-progress/counties": { label: ["county"], values: ["hsf_accepted", "under_way"] },
  "hsf-progress/years": { label: ["year"], values: ["hsf_accepted", "under_way"] },
  "still-saline/treatments": { label: ["type"], values: ["ph_change"] },
  "soil-means/shares": { label: ["township"], values: ["share"] },
  "district/areas": { label: [], values: ["area_mu"] },
  "inputs/materials": { label: ["type"], values: ["cost_yuan"] },
  "inputs/response": { label: ["mode"], values: ["response"] },
  "overdue-inspections/summary": { label: ["county"], values: ["overdue"] },
  "land-use-changes/summary": { label: ["county"], values: ["area_mu"] },
};
const LEAST = 2;
const MOST = 30;

export interface Group {
  name: string;
  values: number[];
}

/** Rows of the same name added up, in the order of their first. */
export function grouped(rows: AnswerTable["rows"], nameOf: (row: AnswerTable["rows"][number]) => string, columns: readonly string[]): Group[] {
  const groups = new Map<string, number[]>();
  for (const row of rows) {
    const name = nameOf(row);
    const before = groups.get(name);
    const values = columns.map((column) => Number(row[column] ?? 0));
    groups.set(name, before ? before.map((value, at) => value + (values[at] ?? 0)) : values);
  }
  return [...groups].map(([name, values]) => ({ name, values }));
}

export function questionChart(question: string, table: AnswerTable, unit: AreaUnit): HTMLElement | null {
  const spec = CHARTS[`${question}/${table.name}`];
  if (!spec) return null;
  const label = spec.label.length ? spec.label : [`title_${language()}`];
  const titled = label.map((name) => table.columns.find((column) => column.name === name)).filter((one) => one !== undefined);
  const columns = spec.values.map((name) => table.columns.find((column) => column.name === name)).filter((one) => one !== undefined);
  const nameOf = (row: AnswerTable["rows"][number]): string => titled.map((column) => cellText(row[column.name], column, table.labels, unit, 0)).join(" · ");
  const groups = grouped(table.rows, nameOf, spec.values);
  const [first] = columns;
  if (!first || groups.length < LEAST || groups.length > MOST) return null;
  const all = groups.flatMap(({ values }) => values.map((value) => shown(value, first, unit)));
  const digits = digitsOf(first, all);
  const text = (value: number): string => cellText(value, first, {}, unit, digits);
  const rows = groups.map(({ name, values }): Row => ({
    title: name,
    parts: values.map((value, at) => ({ value, series: at + 1, title: `${columns[at]?.title ?? ""} ${text(value)}` })),
    value: values.filter((value, at) => value !== 0 || at === 0).map(text).join(" + "),
  }));
  const named = unitOf(first, unit);
  const title = t("figures.chart", { title: table.title });
  return h(
    "figure",
    { class: "answer-chart" },
    h("figcaption", {}, columns.length > 1 ? key(columns.map((column, at) => [column.title, at + 1])) : h("span", { class: "note" }, first.title), named && h("span", { class: "note" }, named)),
    rowChart(title, rows),
  );
}
