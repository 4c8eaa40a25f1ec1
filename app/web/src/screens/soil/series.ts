/** One plot over time: an index in every scene, beside the samples that were taken in it. */
import type { Schema } from "../../api/answers";
import { collectionOf } from "../../app/context";
import { language, t } from "../../i18n";
import { key } from "../../ui/charts/frame";
import { lineChart, type Point } from "../../ui/charts/line";
import { fill, h } from "../../ui/dom";
import { type Option, select } from "../../ui/field";
import { date, decimal, percent } from "../../ui/format";
import { failed, loading, message } from "../../ui/states";
import { table } from "../../ui/table";
import { GROUND, isZone } from "../../map/style";
import type { Desk } from ".";
import type { Index, Series } from "./service";

const MARKS = 52;
const FIRST_INDEX = "si_gr";
/** Numbers of a sample that say where it was taken, not what was found. */
const PLACES = new Set(["depth_top_cm", "depth_bottom_cm", "year"]);

export function seriesPage(desk: Desk, [layer, fid]: string[]): void {
  const { app, root, go } = desk;
  app.board?.onClick(({ features }) => {
    const found = features.find((one) => {
      const collection = collectionOf(app.catalog.get(), one.layer);
      return collection?.liangtian.geometry === "MultiPolygon" && collection.id !== GROUND && !isZone(collection);
    });
    if (found) go(["series", found.layer, String(found.fid)], { index: desk.params.index ?? FIRST_INDEX });
  });
  if (layer === undefined || fid === undefined) return fill(root, message(t("soil.series.choose"), t("soil.series.choose.hint")));
  void show(desk, layer, Number(fid));
}

async function show(desk: Desk, layer: string, fid: number): Promise<void> {
  const { app, soil, root } = desk;
  fill(root, loading());
  try {
    const [feature, indices, samples] = await Promise.all([
      app.api.get("/collections/{layer}/items/{fid}", { path: { layer, fid } }),
      soil.indices(),
      app.api.schema("samples").catch((): Schema => ({ properties: {} })),
    ]);
    if (desk.signal.aborted) return;
    if (feature.geometry) {
      app.board?.highlight(feature.geometry);
      app.board?.fit(feature.geometry);
    }
    const { properties } = feature;
    const body = h("div", {}, loading());
    const draw = async (index: string): Promise<void> => {
      app.store.setParams({ index });
      fill(body, loading());
      try {
        const series = await soil.series(layer, fid, index);
        if (!desk.signal.aborted) fill(body, ...view(series, samples));
      } catch (error) {
        fill(body, failed(error, app, () => void draw(index)));
      }
    };
    const chosen = desk.params.index ?? FIRST_INDEX;
    fill(
      root,
      h("h3", { class: "detail-title" }, String(properties.name ?? properties.code ?? `#${fid}`)),
      h("p", { class: "note" }, [collectionOf(app.catalog.get(), layer)?.title ?? layer, String(properties.code ?? "")].filter(Boolean).join(" · ")),
      h("div", { class: "block" }, select(t("soil.index"), chosen, options(indices), (index) => void draw(index))),
      body,
    );
    await draw(chosen);
  } catch (error) {
    fill(root, failed(error, app, () => void show(desk, layer, fid)));
  }
}

function options(indices: Index[]): Option[] {
  return indices.map(({ id, title }) => [id, `${title[language()]} (${id})`]);
}

function view(series: Series, schema: Schema): HTMLElement[] {
  const lang = language();
  const seen = series.rows.filter(({ mean }) => mean !== null);
  const fields = measured(series, schema);
  const times = [...series.rows.map((row) => Date.parse(row.datetime)), ...series.samples.flatMap((one) => (one.date ? [Date.parse(one.date)] : []))];
  if (!times.length) return [message(t("soil.series.none"), "")];
  const margin = 20 * 86_400_000;
  const span: [number, number] = [Math.min(...times) - margin, Math.max(...times) + margin];
  const points = seen.map((row): Point => ({
    time: Date.parse(row.datetime),
    value: row.mean ?? 0,
    ...(row.p10 === null || row.p90 === null ? {} : { low: row.p10, high: row.p90 }),
    text: `${date(row.datetime, lang)} ${decimal(row.mean ?? 0, lang, 3)} · ${t("soil.series.seen", { share: percent(row.observed_share, lang) })}`,
  }));
  const samplesBody = h("div", {});
  const showSamples = (name: string): void => {
    const found = series.samples.filter((one) => typeof one[name] === "number" && one.date);
    const title = schema.properties[name]?.title ?? name;
    fill(
      samplesBody,
      lineChart(title, [{ title, series: 2, kind: "dots", points: found.map((one) => ({ time: Date.parse(one.date ?? ""), value: Number(one[name]), text: `${date(one.date ?? "", lang)} ${decimal(Number(one[name]), lang, 2)} · ${one.depth_top_cm ?? ""}–${one.depth_bottom_cm ?? ""} cm` })) }], { times: span, height: 150, left: MARKS }),
    );
  };
  const [first] = fields;
  if (first) showSamples(first[0]);
  return [
    h("h4", { class: "block-title" }, series.index.title[lang], h("span", { class: "note" }, series.index.formula)),
    points.length ? lineChart(series.index.title[lang], [{ title: series.index.id, series: 1, kind: "line", points }], { times: span, height: 170, left: MARKS }) : h("p", { class: "state-hint" }, t("soil.series.unseen")),
    h("p", { class: "note" }, t("soil.series.note")),
    ...(first
      ? [h("div", { class: "block" }, select(t("soil.series.samples"), first[0], fields, showSamples)), samplesBody, key([[series.index.id, 1], [t("soil.series.samples"), 2]])]
      : [h("p", { class: "state-hint block" }, t("soil.series.noSamples"))]),
    h(
      "div",
      { class: "block" },
      table(t("soil.nav.series"), [
        { title: t("soil.time"), cell: (row) => date(row.datetime, lang) },
        { title: t("soil.series.mean"), number: true, cell: (row) => (row.mean === null ? "–" : decimal(row.mean, lang, 4)) },
        { title: t("soil.series.range"), number: true, cell: (row) => (row.p10 === null || row.p90 === null ? "–" : `${decimal(row.p10, lang, 3)} – ${decimal(row.p90, lang, 3)}`) },
        { title: t("soil.seen"), number: true, cell: (row) => percent(row.observed_share, lang) },
      ], series.rows),
    ),
    h("details", { class: "block meaning" }, h("summary", {}, t("figures.meaning")), h("p", { class: "definition" }, series.definition[lang])),
  ];
}

/** What was measured in the samples, those measured most often first. */
function measured({ samples }: Series, { properties }: Schema): Option[] {
  const counts = new Map<string, number>();
  for (const sample of samples) {
    for (const [name, value] of Object.entries(sample)) {
      if (typeof value === "number" && name !== "fid" && !PLACES.has(name) && properties[name]) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1]).map(([name, count]) => {
    const { title = name, "x-unit": unit } = properties[name] ?? {};
    return [name, `${title}${unit && unit !== "1" ? ` (${unit})` : ""} · ${count}`];
  });
}
