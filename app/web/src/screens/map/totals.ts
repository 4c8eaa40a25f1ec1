/** Area totals of a layer by one of its fields, with the words that say what is counted. */
import type { Code, Collection, Property, Schema, TotalRow, Totals } from "../../api/answers";
import { areaOf, askTotals, narrowed } from "../../app/question";
import { save } from "../../api/client";
import { language, t } from "../../i18n";
import { classColors, OTHER } from "../../map/palette";
import { GROUND, isZone } from "../../map/style";
import { defaultVisible } from "../../map/visible";
import { amountOf, areaScale, areaText, unitChoice } from "../../ui/area";
import { button } from "../../ui/button";
import { barChart } from "../../ui/charts/bars";
import { fill, h } from "../../ui/dom";
import { select } from "../../ui/field";
import { type AreaUnit, date, integer, percent } from "../../ui/format";
import { failed, loading, message } from "../../ui/states";
import { canSeal, sealDialog } from "../figures/seal-dialog";
import type { MapScreen } from ".";

interface Question {
  collection: Collection;
  by: string;
  schema: Schema;
  /** Layers at whose edges features can be cut: districts, counties. */
  zones: Collection[];
}

export function totalsPanel(root: HTMLElement, screen: MapScreen): void {
  const { api, store, catalog } = screen;
  const controls = h("div", { class: "controls" });
  const body = h("div", { class: "totals", "aria-live": "polite" });
  let asked = 0;

  const update = async (): Promise<void> => {
    const mine = ++asked;
    fill(root, h("h2", { class: "panel-title" }, t("totals.title")), controls, body);
    const now = catalog.get();
    if (now.state === "loading") return fill(body, loading());
    if (now.state === "failed") {
      fill(controls);
      return fill(body, failed(now.error, screen, screen.reload));
    }
    const layers = now.collections.filter((c) => c.liangtian.geometry === "MultiPolygon");
    const chosen = layers.find((c) => c.id === store.get().totals?.layer) ?? firstLayer(layers, defaultVisible(now));
    if (!chosen) return fill(body, message(t("totals.noLayers"), t("layers.none.hint")));
    if (!body.hasChildNodes()) fill(body, loading());
    body.classList.add("stale");
    try {
      const schema = await api.schema(chosen.id);
      const by = store.get().totals?.by ?? chosen.liangtian.class_field ?? "";
      const totals = await askTotals(screen, chosen.id, by);
      if (mine !== asked) return;
      const question = { collection: chosen, by, schema, zones: zonesFor(chosen, layers) };
      fill(controls, ...selectors(layers, question, screen));
      fill(body, ...answer(totals, question, screen));
    } catch (error) {
      if (mine !== asked) return;
      fill(controls, ...selectors(layers, { collection: chosen, by: "", schema: { properties: {} }, zones: [] }, screen));
      fill(body, failed(error, screen, () => void update()));
    } finally {
      if (mine === asked) body.classList.remove("stale");
    }
  };

  screen.follow(catalog.on(() => void update()));
  screen.follow(store.on(["totals", "unit", "filters", "asOf", "area"], () => void update()));
  void update();
}

/** Of the layers shown at the start, the one with classes and the most parcels answers first. */
function firstLayer(layers: Collection[], shown: string[]): Collection | undefined {
  const worth = (c: Collection): number =>
    (shown.includes(c.id) ? 4 : 0) + (c.liangtian.class_field ? 2 : 0) + (isZone(c) || c.id === GROUND ? 0 : 1);
  return [...layers].sort(
    (a, b) => worth(b) - worth(a) || (b.liangtian.count ?? 0) - (a.liangtian.count ?? 0),
  )[0];
}

function zonesFor(chosen: Collection, layers: Collection[]): Collection[] {
  return layers.filter((layer) => layer.id !== chosen.id && (isZone(layer) || layer.id === GROUND));
}

function groupFields({ collection, schema }: Question): [string, Property][] {
  const { class_field, county_field } = collection.liangtian;
  const order = [class_field, county_field];
  return Object.entries(schema.properties)
    .filter(([name, { oneOf }]) => order.includes(name) || (oneOf?.length ?? 0) > 0)
    .sort(([a], [b]) => rank(order, a) - rank(order, b));
}

function rank(order: (string | null)[], name: string): number {
  const at = order.indexOf(name);
  return at < 0 ? order.length : at;
}

function selectors(layers: Collection[], question: Question, { store }: MapScreen): HTMLElement[] {
  const { collection, by } = question;
  const change = (layer: string, field: string): void => store.set({ totals: { layer, by: field } });
  const classOf = (id: string): string => layers.find((c) => c.id === id)?.liangtian.class_field ?? "";
  return [
    select(t("totals.layer"), collection.id, layers.map((c) => [c.id, c.title]), (id) => change(id, classOf(id))),
    select(
      t("totals.by"),
      by,
      [
        ...groupFields(question).map(([name, { title }]): [string, string] => [name, title ?? name]),
        ...question.zones.map(({ id, title }): [string, string] => [id, t("totals.by.zone", { zone: title })]),
        ["", t("totals.by.none")],
      ],
      (name) => change(collection.id, name),
    ),
    unitChoice(store),
  ];
}

function answer(totals: Totals, question: Question, screen: MapScreen): HTMLElement[] {
  const lang = language();
  const { unit } = screen.store.get();
  if (!totals.rows.length || totals.total.count === 0) {
    return [message(t("totals.empty"), t("totals.empty.hint"))];
  }
  const whole = totals.total.area_m2;
  const total = amountOf(whole, unit);
  const rows = ordered(totals, question);
  const longest = Math.max(...rows.map((row) => row.area_m2), Number.MIN_VALUE);
  const write = areaScale(longest, unit);
  const parts: (HTMLElement | false)[] = [
    h(
      "div",
      { class: "figure" },
      h("span", { class: "figure-value" }, total.value),
      h("span", { class: "figure-unit" }, total.unit),
      h("span", { class: "figure-note" }, t("totals.count", { count: integer(totals.total.count, lang) })),
    ),
    question.by !== "" &&
      barChart(
        rows.map((row) => {
          const share = whole > 0 ? percent(row.area_m2 / whole, lang) : "";
          return {
            title: row.title,
            color: row.color,
            share: row.area_m2 / longest,
            value: write(row.area_m2),
            note: `${share} · ${t("totals.count", { count: integer(row.count, lang) })}`,
          };
        }),
        t("totals.chart"),
      ),
    facts(totals, unit),
    downloads(question, screen),
  ];
  return parts.filter((part): part is HTMLElement => part !== false);
}

interface TitledRow extends TotalRow {
  title: string;
  color: string;
}

/** Coded groups in the order of their list, others by size; blanks last. */
function ordered({ rows, titles }: Totals, { by, schema, collection, zones }: Question): TitledRow[] {
  const blankTitle = t(zones.some(({ id }) => id === by) ? "totals.outside" : "totals.blank");
  const codes: Code[] = schema.properties[by]?.oneOf ?? [];
  const classes = classColors(codes);
  const at = (row: TotalRow): number => codes.findIndex((code) => code.const === String(row.group[by] ?? ""));
  const coloured = codes.length > 0;
  return rows
    .map((row) => {
      const value = row.group[by];
      const known = classes[at(row)];
      const blank = value === null || value === undefined || value === "";
      return {
        ...row,
        title: known?.title ?? (blank ? blankTitle : (titles?.[by]?.[String(value)]?.[language()] ?? String(value))),
        color: coloured ? (known?.color ?? OTHER) : blank ? OTHER : collection.liangtian.style.color,
      };
    })
    .sort((a, b) => {
      const [x, y] = [at(a), at(b)];
      if (x >= 0 && y >= 0) return x - y;
      return Number(x < 0) - Number(y < 0) || b.area_m2 - a.area_m2;
    });
}

function facts(totals: Totals, unit: AreaUnit): HTMLElement {
  const lang = language();
  const overlap = totals.overlap_removed?.area_m2;
  const line = (title: string, text: string): HTMLElement[] => [h("dt", {}, title), h("dd", {}, text)];
  const when = [
    t("totals.revision", { revision: totals.revision }),
    totals.time ? t("totals.asOf", { time: date(totals.time, lang, true) }) : "",
  ];
  return h(
    "dl",
    { class: "facts" },
    ...(overlap === undefined ? [] : line(t("totals.overlap"), areaText(overlap, unit))),
    ...(totals.definition ? line(t("totals.definition"), totals.definition[lang]) : []),
    ...(totals.method ? line(t("totals.method"), totals.method[lang]) : []),
    ...line("", when.filter(Boolean).join(" · ")),
  );
}

/** Files of what is shown, the one-page report among them, and the seal. */
function downloads({ collection, by }: Question, screen: MapScreen): HTMLElement {
  const { api, store, report } = screen;
  const { id: layer, title } = collection;
  const asked = async (): Promise<Record<string, unknown>> => {
    const within = areaOf(store.get());
    return { layer, ...(by ? { by } : {}), ...(await narrowed({ api, store }, layer, { withArea: false })), ...(within ? { within } : {}) };
  };
  const get = async (f: "csv" | "xlsx" | "pdf"): Promise<void> => {
    const question = { ...(await asked()), unit: store.get().unit, f };
    const response = "within" in question
      ? await api.raw("post", "/totals", { json: question })
      : await api.raw("get", "/totals", { query: question });
    save(await response.blob(), `${title}.${f}`);
  };
  const seal = async (): Promise<void> => sealDialog(screen, { title, question: await asked() });
  return h(
    "div",
    { class: "row" },
    button(t("totals.xlsx"), () => void get("xlsx").catch(report), "quiet"),
    button(t("totals.csv"), () => void get("csv").catch(report), "quiet"),
    button(t("figures.pdf"), () => void get("pdf").catch(report), "quiet"),
    canSeal(screen) && button(t("figures.seal"), () => void seal().catch(report), "quiet"),
  );
}
