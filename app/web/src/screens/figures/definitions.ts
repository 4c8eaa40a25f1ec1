/** What the figures mean: each definition (口径) in words with its source, and its totals beside it. */
import type { Totals } from "../../api/answers";
import { type Api, save } from "../../api/client";
import { type App, collectionOf } from "../../app/context";
import { language, t } from "../../i18n";
import { amountOf, areaScale, areaText } from "../../ui/area";
import { button } from "../../ui/button";
import { facts } from "../../ui/card";
import { rowChart } from "../../ui/charts/rows";
import { fill, h } from "../../ui/dom";
import { select } from "../../ui/field";
import { type AreaUnit, date, integer, percent } from "../../ui/format";
import { failed, loading } from "../../ui/states";
import { goTo, moment } from ".";
import type { Definition } from "./answers";
import { canSeal, sealDialog, seen } from "./seal-dialog";

interface Asked {
  definition: string;
  by: string;
  as_of: string | null;
}

/** How a total by definition may be grouped. */
const GROUPS = ["county", "year", "districts"] as const;

export function definitionsPage(root: HTMLElement, app: App, [id]: string[]): void {
  const list = h("div", { class: "split-list" }, loading());
  const detail = h("div", { class: "split-detail" });
  fill(root, h("div", { class: "split" }, list, detail));
  const read = async (): Promise<void> => {
    try {
      const { definitions } = await app.api.get("/totals/definitions");
      const chosen = definitions.find((one) => one.id === id) ?? definitions[0];
      fill(list, h("p", { class: "state-hint" }, t("figures.definitions.hint")), h("ul", { class: "target-list" }, ...definitions.map((one) => h("li", {}, entry(one, one === chosen, app)))));
      if (chosen) definitionPanel(detail, app, chosen);
    } catch (error) {
      fill(list, failed(error, app, () => void read()));
    }
  };
  void read();
}

function entry({ id, title, text }: Definition, current: boolean, app: App): HTMLElement {
  const lang = language();
  const content = h("span", { class: "definition-row" }, h("span", { class: "target-name" }, title[lang]), h("span", { class: "definition-text" }, text[lang]));
  return goTo(app, ["definitions", id], content, { class: "target-link", "aria-current": current ? "true" : null });
}

function definitionPanel(root: HTMLElement, app: App, definition: Definition): void {
  const lang = language();
  const layer = collectionOf(app.catalog.get(), definition.layer)?.title ?? definition.layer;
  const wanted = app.store.get().params.by ?? GROUPS[0];
  const body = h("div", { class: "block" });
  const by = select(t("totals.by"), wanted, [...GROUPS.map((name): [string, string] => [name, t(`figures.by.${name}`)]), ["none", t("totals.by.none")]], (value) => {
    app.store.setParams({ by: value });
    void show(value);
  });
  const show = async (group: string): Promise<void> => {
    const question = { definition: definition.id, by: group === "none" ? "" : group, ...moment(app) };
    fill(body, loading());
    try {
      const totals = await app.api.get("/totals", { query: { ...question, f: "json" } });
      fill(body, ...answer(totals, question.by, app), downloads(app, definition, question));
    } catch (error) {
      fill(body, failed(error, app, () => void show(group)));
    }
  };
  fill(
    root,
    goTo(app, ["definitions"], t("figures.back.definitions"), { class: "back-link" }),
    h("h3", { class: "detail-title" }, definition.title[lang]),
    h("p", { class: "definition" }, definition.text[lang]),
    facts([
      [t("figures.layer"), layer],
      [t("figures.measure"), t(`figures.measure.${definition.measure}`)],
      ...(definition.filter ? [[t("figures.filter"), h("code", {}, definition.filter)] as [string, Node]] : []),
      [t("figures.source"), definition.source],
    ]),
    h("div", { class: "definition-controls" }, by),
    body,
  );
  void show(wanted);
}

function answer(totals: Totals, by: string, app: App): HTMLElement[] {
  const lang = language();
  const { unit } = app.store.get();
  const whole = totals.total.area_m2;
  const { value, unit: name } = amountOf(whole, unit);
  const write = areaScale(Math.max(...totals.rows.map((row) => row.area_m2), 0), unit);
  const sorted = by === "year" ? totals.rows : [...totals.rows].sort((a, b) => b.area_m2 - a.area_m2);
  const rows = sorted.map((row) => {
    const code = row.group[by];
    const title = code === null || code === undefined || code === "" ? t(by === "districts" ? "totals.outside" : "totals.blank") : (totals.titles?.[by]?.[String(code)]?.[lang] ?? String(code));
    const text = write(row.area_m2);
    return { title, parts: [{ value: row.area_m2, series: 1, title: text }], value: text, note: whole > 0 ? percent(row.area_m2 / whole, lang) : "" };
  });
  const overlap = totals.overlap_removed?.area_m2;
  return [
    h(
      "div",
      { class: "headlines" },
      h(
        "div",
        { class: "headline" },
        h("span", { class: "label" }, t("figures.total")),
        h("span", { class: "headline-value" }, value, h("span", { class: "headline-unit" }, name)),
        h("span", { class: "note" }, [t("figures.features", { count: integer(totals.total.count, lang) }), overlap ? `${t("totals.overlap")} ${areaText(overlap, unit)}` : ""].filter(Boolean).join(" · ")),
      ),
    ),
    ...(by && rows.length ? [rowChart(t("totals.chart"), rows)] : []),
    h("p", { class: "note" }, [t("totals.revision", { revision: totals.revision }), totals.time ? t("totals.asOf", { time: date(totals.time, lang, true) }) : ""].filter(Boolean).join(" · ")),
  ];
}

/** Workbook, table, and the one-page report with map and signatures; and the seal. */
function downloads(app: App, definition: Definition, question: Asked): HTMLElement {
  const { api, report } = app;
  const { unit } = app.store.get();
  const title = definition.title[language()];
  const get = (f: "xlsx" | "csv" | "pdf") => (): void => void api.download("/totals", `${title}.${f}`, { query: { ...question, unit, f } }).catch(report);
  return h(
    "div",
    { class: "row" },
    button(t("figures.report"), () => void openReport(api, { ...question, unit }, title).catch(report)),
    button(t("figures.pdf"), get("pdf"), "quiet"),
    button(t("totals.xlsx"), get("xlsx"), "quiet"),
    button(t("totals.csv"), get("csv"), "quiet"),
    canSeal(app) && button(t("figures.seal"), () => sealDialog(app, { title, question: { definition: definition.id, ...seen(app), ...(question.by ? { by: question.by } : {}) } }), "quiet"),
  );
}

/** The one-page report: a page of its own where anybody may read, else a file, as a page carries no token. */
async function openReport(api: Api, question: Asked & { unit: AreaUnit }, title: string): Promise<void> {
  const query = { ...question, f: "html" as const };
  if (api.token === null) return void window.open(api.url("/totals", { query }), "_blank", "noopener");
  const response = await api.raw("get", "/totals", { query, headers: { Accept: "text/html" } });
  save(await response.blob(), `${title}.html`);
}
