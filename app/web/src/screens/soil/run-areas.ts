/** Areas of grades: one bar and one table, in which every row closes. */
import { language, t } from "../../i18n";
import { areaScale } from "../../ui/area";
import { key } from "../../ui/charts/frame";
import { bar, type Part } from "../../ui/charts/rows";
import { h } from "../../ui/dom";
import { type AreaUnit, percent } from "../../ui/format";
import { type Column, table } from "../../ui/table";
import type { AreaRow, Areas, GradeLegend } from "./service";

const MASKED = "var(--series-5)";
const OUTSIDE = "var(--line-strong)";
/** Rows that a page shows; the files have all. */
const MOST = 300;

/** The grades in the order of the legend: labels are codes, or titles where a grading is somebody's own. */
export function labelsOf(legend: GradeLegend, found: Record<string, number>): { label: string; title: string; color: string }[] {
  const names = Object.keys(found);
  return legend.grades.map(({ code, title, color }, at) => ({
    label: names.find((name) => name === code || name === title.zh || name === title.en) ?? names[at] ?? code,
    title: title[language()],
    color,
  }));
}

function parts(row: AreaRow, legend: GradeLegend, write: (m2: number) => string): Part[] {
  const grades = labelsOf(legend, row.grades).map(({ label, title, color }): Part => {
    const value = row.grades[label] ?? 0;
    return { value, series: color, title: `${title} ${write(value)}` };
  });
  return [
    ...grades,
    { value: row.masked_m2, series: MASKED, title: `${t("soil.masked")} ${write(row.masked_m2)}` },
    { value: row.outside_m2, series: OUTSIDE, title: `${t("soil.outside")} ${write(row.outside_m2)}` },
  ];
}

/** One bar of all: grades + masked + outside = area. */
export function closing(row: AreaRow, legend: GradeLegend, unit: AreaUnit): HTMLElement {
  const write = areaScale(row.area_m2, unit);
  return h(
    "div",
    { class: "closing" },
    bar(parts(row, legend, write), 0, row.area_m2 || 1),
    key([...labelsOf(legend, row.grades).map(({ title, color }): [string, string] => [title, color]), [t("soil.masked"), MASKED], [t("soil.outside"), OUTSIDE]]),
    h("p", { class: "note" }, t("soil.closes", { grades: write(sum(row.grades)), masked: write(row.masked_m2), outside: write(row.outside_m2), area: write(row.area_m2) })),
  );
}

function sum(grades: Record<string, number>): number {
  return Object.values(grades).reduce((all, m2) => all + m2, 0);
}

export function groupName({ group, label }: Pick<AreaRow, "group" | "label">): string {
  return label ?? (group === null || group === "" ? t("totals.blank") : String(group));
}

export function areasTable({ rows, sum: total, union, overlap_removed_m2: overlap }: Areas, legend: GradeLegend, unit: AreaUnit): HTMLElement {
  const largest = Math.max(...rows.map((row) => row.area_m2), 0);
  const write = areaScale(largest, unit);
  const cell = (m2: number | undefined, row: AreaRow): string => (row.status === "not_observed" || m2 === undefined ? "–" : write.bare(m2));
  const all = overlap > 0 ? total : union;
  const labels = labelsOf(legend, union.grades);
  const columns: Column<AreaRow>[] = [
    { title: t("soil.group"), cell: (row) => (row === all ? t("figures.total") : groupName(row)) },
    { title: "", cell: (row) => h("span", { class: "cell-bar" }, bar(parts(row, legend, write), 0, row.area_m2 || 1)) },
    ...labels.map(({ label, title }): Column<AreaRow> => ({ title, number: true, cell: (row) => cell(row.grades[label], row) })),
    { title: t("soil.masked"), number: true, cell: (row) => write.bare(row.masked_m2) },
    { title: t("soil.outside"), number: true, cell: (row) => write.bare(row.outside_m2) },
    { title: `${t("figures.area")} (${write.unit})`, number: true, cell: (row) => write.bare(row.area_m2) },
    { title: t("soil.seen"), number: true, cell: (row) => percent(row.observed_share, language()) },
  ];
  const shown = rows.slice(0, MOST);
  return h(
    "div",
    { class: "areas" },
    table(t("soil.areas"), columns, shown, { total: all }),
    rows.length > shown.length && h("p", { class: "note" }, t("figures.rest", { count: rows.length - shown.length })),
  );
}
