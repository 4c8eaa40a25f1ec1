/** Accuracy of a map of classes: the counts of a checked sample give areas with intervals, or the refusal. */
import { save } from "../../api/client";
import { language, t } from "../../i18n";
import { areaScale } from "../../ui/area";
import { button } from "../../ui/button";
import { intervalChart } from "../../ui/charts/intervals";
import { fill, h } from "../../ui/dom";
import { type Option, select } from "../../ui/field";
import { type AreaUnit, percent } from "../../ui/format";
import { failed } from "../../ui/states";
import { table } from "../../ui/table";
import type { Desk } from ".";
import type { AccuracyAnswer, AccuracyRow } from "./service";

const DESIGNS = ["stratified_random", "simple_random", "systematic", "purposive", "unknown"] as const;
const UNITS = ["mu", "ha", "m2"] as const;
const MOST = 12;

export interface Sample {
  classes: string[];
  matrix: number[][];
  areas: number[];
  unit: (typeof UNITS)[number];
  design: (typeof DESIGNS)[number];
}

export function accuracyPage(desk: Desk): void {
  desk.place.layout("full");
  const { root } = desk;
  const sample: Sample = blank(3);
  const form = h("div", {});
  const result = h("div", { "aria-live": "polite" });
  const again = (): void => fill(form, entry(sample, again, () => void ask(result, desk, sample)));
  fill(root, h("h3", { class: "detail-title" }, t("soil.accuracy.title")), h("p", { class: "state-hint wide" }, t("soil.accuracy.hint")), form, result);
  again();
}

function blank(count: number): Sample {
  const classes = Array.from({ length: count }, (_, at) => t("soil.accuracy.class", { number: at + 1 }));
  return { classes, matrix: classes.map(() => classes.map(() => 0)), areas: classes.map(() => 0), unit: "mu", design: "stratified_random" };
}

function entry(sample: Sample, again: () => void, ask: () => void): HTMLElement {
  const { classes, matrix, areas } = sample;
  const number = (value: number, label: string, run: (value: number) => void): HTMLElement =>
    h("input", { type: "number", min: 0, step: "any", value, "aria-label": label, class: "cell", onchange: (event) => run(Number((event.target as HTMLInputElement).value)) });
  const paste = (event: Event): void => {
    const text = (event as ClipboardEvent).clipboardData?.getData("text/plain") ?? "";
    if (!/[\t\n]/.test(text.trim())) return;
    event.preventDefault();
    take(sample, text);
    again();
  };
  const resize = (count: number): void => {
    Object.assign(sample, resized(sample, count));
    again();
  };
  const name = (at: number): HTMLElement =>
    h("input", { type: "text", class: "cell name", value: classes[at] ?? "", "aria-label": t("soil.accuracy.name", { number: at + 1 }), onchange: (event) => {
      classes[at] = (event.target as HTMLInputElement).value;
      again();
    } });
  return h(
    "form",
    { class: "accuracy-form", onsubmit: (event) => (event.preventDefault(), ask()), onpaste: paste },
    h(
      "div",
      { class: "row" },
      select(t("soil.accuracy.design"), sample.design, DESIGNS.map((one): Option => [one, t(`soil.design.${one}`)]), (design) => void (sample.design = design as Sample["design"])),
      select(t("soil.accuracy.unit"), sample.unit, UNITS.map((one): Option => [one, t(`unit.${one}`)]), (unit) => void (sample.unit = unit as Sample["unit"])),
    ),
    h(
      "div",
      { class: "table-box", tabindex: 0, role: "region", "aria-label": t("soil.accuracy.matrix") },
      h(
        "table",
        { class: "table entry" },
        h("caption", { class: "note" }, t("soil.accuracy.paste")),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("soil.accuracy.corner")), ...classes.map((one) => h("th", { scope: "col", class: "number" }, one)), h("th", { scope: "col", class: "number" }, t("soil.accuracy.mapArea")))),
        h(
          "tbody",
          {},
          ...classes.map((from, i) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, name(i)),
              ...classes.map((to, j) => h("td", { class: "number" }, number(matrix[i]?.[j] ?? 0, `${from} → ${to}`, (value) => void ((matrix[i] ??= [])[j] = value)))),
              h("td", { class: "number" }, number(areas[i] ?? 0, `${from}: ${t("soil.accuracy.mapArea")}`, (value) => void (areas[i] = value))),
            ),
          ),
        ),
      ),
    ),
    h(
      "div",
      { class: "row" },
      button(t("soil.accuracy.more"), () => resize(Math.min(classes.length + 1, MOST)), "quiet"),
      classes.length > 1 && button(t("soil.accuracy.fewer"), () => resize(classes.length - 1), "quiet"),
      button(t("soil.accuracy.example"), () => {
        Object.assign(sample, example());
        again();
        ask();
      }, "quiet"),
      h("button", { type: "submit", class: "button primary" }, t("soil.accuracy.compute")),
    ),
  );
}

/** The example of docs/soil/accuracy.md. */
function example(): Sample {
  return { classes: [t("soil.accuracy.saline"), t("soil.accuracy.other")], matrix: [[45, 5], [10, 40]], areas: [400, 600], unit: "ha", design: "stratified_random" };
}

/** The same sample with more or fewer classes. */
export function resized(sample: Sample, count: number): Pick<Sample, "classes" | "matrix" | "areas"> {
  const more = blank(count);
  return {
    classes: more.classes.map((name, at) => sample.classes[at] ?? name),
    matrix: more.matrix.map((line, i) => line.map((_, j) => sample.matrix[i]?.[j] ?? 0)),
    areas: more.areas.map((_, at) => sample.areas[at] ?? 0),
  };
}

/** Cells of a spreadsheet: names in the first column are taken, and areas in the last where there is one more. */
export function take(sample: Sample, text: string): void {
  const lines = text.trim().split(/\r?\n/).map((line) => line.split("\t").map((cell) => cell.trim()));
  const isNumber = (cell: string | undefined): boolean => cell !== undefined && cell !== "" && !Number.isNaN(Number(cell.replace(/,/g, "")));
  const rows = lines.filter((cells) => cells.slice(1).some(isNumber) || cells.every(isNumber));
  const named = rows.some(([first]) => !isNumber(first));
  const numbers = rows.map((cells) => cells.slice(named ? 1 : 0).map((cell) => Number(cell.replace(/,/g, "")) || 0));
  Object.assign(sample, resized(sample, Math.min(rows.length, MOST)));
  sample.matrix = sample.matrix.map((line, i) => line.map((_, j) => numbers[i]?.[j] ?? 0));
  if (named) sample.classes = sample.classes.map((name, at) => rows[at]?.[0] || name);
  if (numbers[0] && numbers[0].length > rows.length) sample.areas = sample.areas.map((area, at) => numbers[at]?.[rows.length] ?? area);
}

async function ask(root: HTMLElement, desk: Desk, sample: Sample): Promise<void> {
  const { app } = desk;
  const json = { classes: sample.classes, matrix: sample.matrix, map_areas: sample.areas, unit: sample.unit, design: sample.design };
  try {
    const answer = await app.api.post<"/soil/accuracy", AccuracyAnswer>("/soil/accuracy", { json });
    const get = async (): Promise<void> => {
      const response = await app.api.raw("post", "/soil/accuracy", { json, query: { f: "xlsx" } });
      save(await response.blob(), `${t("soil.accuracy.title")}.xlsx`);
    };
    fill(root, ...view(answer, app.store.get().unit), h("div", { class: "row block" }, button(t("totals.xlsx"), () => void get().catch(app.report), "quiet")));
  } catch (error) {
    fill(root, failed(error, app, () => void ask(root, desk, sample)));
  }
}

function view({ classes, overall, refused, warnings, method }: AccuracyAnswer, unit: AreaUnit): HTMLElement[] {
  const lang = language();
  const write = areaScale(Math.max(...classes.map((row) => row.area_m2), 0), unit);
  const plus = (value: number | null, half: number | null): string =>
    value === null ? "–" : `${percent(value, lang)}${half === null ? "" : ` ± ${percent(half, lang)}`}`;
  return [
    ...(refused ? [h("p", { class: "notice bad", role: "alert" }, refused[lang])] : []),
    ...warnings.map((warning) => h("p", { class: "notice warn" }, warning[lang])),
    h(
      "section",
      { class: "block" },
      h("h4", { class: "block-title" }, t("soil.accuracy.areas"), overall ? h("span", { class: "note" }, t("soil.accuracy.overall", { value: plus(overall.accuracy, overall.accuracy_ci95), samples: overall.samples })) : null),
      intervalChart(
        t("soil.accuracy.areas"),
        classes.map((row) => ({ title: row.class, value: row.area_m2, half: row.ci95_m2, mark: row.map_area_m2, text: row.ci95_m2 === null ? write(row.area_m2) : `${write.bare(row.area_m2)} ± ${write(row.ci95_m2)}` })),
      ),
      h("p", { class: "note" }, t("soil.accuracy.mark")),
    ),
    h(
      "section",
      { class: "block" },
      table<AccuracyRow>(
        t("soil.accuracy.areas"),
        [
          { title: t("soil.accuracy.classes"), cell: (row) => row.class },
          { title: t("soil.accuracy.samples"), number: true, cell: (row) => `${row.samples_map} / ${row.samples_reference}` },
          { title: `${t("soil.accuracy.mapArea")} (${write.unit})`, number: true, cell: (row) => write.bare(row.map_area_m2) },
          { title: `${t("soil.accuracy.estimate")} (${write.unit})`, number: true, cell: (row) => write.bare(row.area_m2) },
          { title: t("soil.accuracy.interval"), number: true, cell: (row) => (row.ci95_m2 === null ? "–" : `± ${write.bare(row.ci95_m2)}`) },
          { title: t("soil.accuracy.users"), number: true, cell: (row) => plus(row.users, row.users_ci95) },
          { title: t("soil.accuracy.producers"), number: true, cell: (row) => plus(row.producers, row.producers_ci95) },
        ],
        classes,
      ),
    ),
    h("details", { class: "block meaning" }, h("summary", {}, t("totals.method")), h("p", { class: "definition" }, method[lang])),
  ];
}
