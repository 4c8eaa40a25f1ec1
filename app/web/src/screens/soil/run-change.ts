/** From which grade to which: what got better and what worse, and the whole matrix with tint. */
import { language, t } from "../../i18n";
import { type AreaScale, areaScale, areaText } from "../../ui/area";
import { h } from "../../ui/dom";
import { type AreaUnit, percent } from "../../ui/format";
import { rowChart, type Row } from "../../ui/charts/rows";
import { groupName, labelsOf } from "./run-areas";
import type { Change, ChangeRow, GradeLegend } from "./service";

const BETTER = "var(--series-1)";
const WORSE = "var(--series-2)";

export function changeView(change: Change, legend: GradeLegend, unit: AreaUnit, byGroup: boolean): HTMLElement {
  const { union, rows } = change;
  const seen = rows.filter(({ observed_m2: m2 }) => m2 > 0);
  const cells = Object.values(union.matrix).flatMap((line) => Object.values(line));
  const write = areaScale(Math.max(...cells, 0), unit);
  const lang = language();
  const share = (m2: number): string => (union.observed_m2 > 0 ? percent(m2 / union.observed_m2, lang) : "");
  const one = (title: string, m2: number | null, tone = ""): HTMLElement | null =>
    m2 === null ? null : h("div", { class: `headline ${tone}`.trim() }, h("span", { class: "label" }, title), h("span", { class: "headline-value" }, areaText(m2, unit)), h("span", { class: "note" }, share(m2)));
  return h(
    "section",
    { class: "block" },
    h("h4", { class: "block-title" }, t("soil.change")),
    h(
      "div",
      { class: "headlines" },
      one(t("soil.improved"), union.improved_m2, "good"),
      one(t("soil.worsened"), union.worsened_m2),
      union.improved_m2 === null ? one(t("soil.changed"), union.changed_m2) : null,
      one(t("soil.stable"), union.stable_m2),
      h("div", { class: "headline" }, h("span", { class: "label" }, t("soil.unobserved")), h("span", { class: "headline-value" }, areaText(union.unobserved_m2, unit))),
    ),
    matrix(union, change.labels, legend, write),
    byGroup && seen.length > 1 && seen.length <= 30 && union.improved_m2 !== null && h("div", { class: "block" }, rowChart(t("soil.change"), seen.map((row) => balance(row, write)))),
  );
}

function balance(row: ChangeRow, write: AreaScale): Row {
  const [better, worse] = [row.improved_m2 ?? 0, row.worsened_m2 ?? 0];
  return {
    title: groupName(row),
    parts: [
      { value: -worse, series: WORSE, title: `${t("soil.worsened")} ${write(worse)}` },
      { value: better, series: BETTER, title: `${t("soil.improved")} ${write(better)}` },
    ],
    value: `−${write.bare(worse)} / +${write(better)}`,
  };
}

/** Rows: before; columns: after. The darker a cell the more land; green got better, ochre worse. */
function matrix({ matrix: cells, improved_m2: improved }: ChangeRow, labels: string[], legend: GradeLegend, write: AreaScale): HTMLElement {
  const grades = labelsOf(legend, Object.fromEntries(labels.map((label) => [label, 0])));
  const largest = Math.max(...labels.flatMap((from) => labels.map((to) => cells[from]?.[to] ?? 0)), 1);
  // Which side of the diagonal is better: what the sum of one side says.
  const below = labels.reduce((all, from, i) => all + labels.slice(0, i).reduce((sum, to) => sum + (cells[from]?.[to] ?? 0), 0), 0);
  const fallIsBetter = improved !== null && Math.abs(improved - below) < 1;
  const tint = (i: number, j: number, m2: number): string => {
    const strength = Math.round((m2 / largest) * 55);
    if (i === j || improved === null) return `color-mix(in srgb, var(--series-5) ${strength}%, transparent)`;
    return `color-mix(in srgb, ${j < i === fallIsBetter ? BETTER : WORSE} ${strength}%, transparent)`;
  };
  const swatch = (color: string): HTMLElement => h("span", { class: "chart-swatch", style: { background: color } });
  return h(
    "div",
    { class: "table-box", tabindex: 0, role: "region", "aria-label": t("soil.matrix") },
    h(
      "table",
      { class: "table matrix" },
      h("caption", { class: "note" }, t("soil.matrix.hint", { unit: write.unit })),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("soil.matrix.corner")), ...grades.map(({ title, color }) => h("th", { scope: "col", class: "number" }, swatch(color), ` ${title}`)))),
      h(
        "tbody",
        {},
        ...grades.map(({ label: from, title, color }, i) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, swatch(color), ` ${title}`),
            ...grades.map(({ label: to }, j) => {
              const m2 = cells[from]?.[to] ?? 0;
              return h("td", { class: "number", style: { background: tint(i, j, m2) } }, write.bare(m2));
            }),
          ),
        ),
      ),
    ),
  );
}
