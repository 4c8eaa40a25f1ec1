/** One calibration: formula, measures of what was left out, predicted against observed, residuals on the map. */
import { language, t } from "../../i18n";
import { scatterChart } from "../../ui/charts/scatter";
import { fill, h } from "../../ui/dom";
import { decimal, integer } from "../../ui/format";
import { failed, loading } from "../../ui/states";
import { table } from "../../ui/table";
import { backTo, type Desk, goTo } from ".";
import { modelTitle, targetTitle } from "./calibrations";
import { follow } from "./follow";
import type { Calibration, Measures } from "./service";

const MEASURES = ["r2", "rmse", "mae", "bias", "ccc", "rpd", "rpiq"] as const;
const TOO_LOW = "#3b6fb6";
const TOO_HIGH = "#c2571f";

export function calibrationPage(desk: Desk, id: number): void {
  const { app, soil, root } = desk;
  const body = h("div", {}, loading());
  fill(root, backTo(app, ["calibrations"], t("soil.back.calibrations")), body);
  const read = async (): Promise<void> => {
    try {
      const found = await soil.calibration(id);
      if (desk.signal.aborted) return;
      const result = h("div", {});
      fill(
        body,
        h("h3", { class: "detail-title" }, `${targetTitle(found.target)} · ${modelTitle(found.model)}`),
        h("p", { class: "note" }, `${found.features.join(", ")} · #${id}`),
        result,
      );
      if (found.state !== "done") return await follow(result, desk, id, () => void read());
      desk.place.layout("wide");
      fill(result, ...view(found), h("div", { class: "row block" }, goTo(app, ["runs", "new"], t("soil.calibration.run"), { class: "button" }, { model: String(id) })));
      showResiduals(desk, found);
    } catch (error) {
      if (!desk.signal.aborted) fill(body, failed(error, app, () => void read()));
    }
  };
  void read();
}

function number(value: number | null | undefined): string {
  return typeof value === "number" && Number.isFinite(value) ? decimal(value, language(), 3) : "–";
}

function view(found: Calibration): HTMLElement[] {
  const lang = language();
  const { overall, samples, per_fold: folds = [], unit } = found;
  const shown = unit && unit !== "1" ? unit : "";
  const pairs = (samples?.observed ?? []).map((x, at) => {
    const y = samples?.predicted[at] ?? 0;
    return { x, y, series: 1, text: `${samples?.code[at] ?? ""} ${number(x)} → ${number(y)}` };
  });
  const title = found.title?.[lang] ?? targetTitle(found.target);
  return [
    ...(found.formula ? [h("p", { class: "formula" }, h("code", {}, found.formula))] : []),
    overall ? measures(overall) : h("p", {}),
    ...(overall && (overall.r2 ?? 0) < 0 ? [h("p", { class: "notice bad" }, t("soil.calibration.worse"))] : []),
    h(
      "section",
      { class: "block" },
      h("h4", { class: "block-title" }, t("soil.calibration.scatter"), h("span", { class: "note" }, t("soil.calibration.heldOut", { count: integer(pairs.length, lang) }))),
      pairs.length > 0 && scatterChart(t("soil.calibration.scatter"), pairs, { x: `${t("soil.calibration.observed")} ${title} ${shown}`.trim(), y: t("soil.calibration.predicted") }),
    ),
    h(
      "section",
      { class: "block" },
      h("h4", { class: "block-title" }, t("soil.calibration.folds")),
      table<Measures & { fold: number }>(
        t("soil.calibration.folds"),
        [
          { title: t("soil.calibration.fold"), cell: ({ fold }) => (fold < 0 ? t("figures.total") : String(fold + 1)) },
          { title: "n", number: true, cell: ({ n }) => integer(n, lang) },
          ...MEASURES.map((name) => ({ title: t(`soil.measure.${name}`), number: true, cell: (row: Measures) => number(row[name]) })),
        ],
        folds,
        overall ? { total: { fold: -1, ...overall } } : {},
      ),
    ),
    ...(found.counts ? [counts(found.counts)] : []),
    h("p", { class: "note block" }, t("soil.calibration.map")),
    h("details", { class: "block meaning" }, h("summary", {}, t("totals.method")), h("p", { class: "definition" }, found.method?.[lang] ?? "")),
  ];
}

function measures(overall: Measures): HTMLElement {
  return h(
    "div",
    { class: "headlines" },
    ...(["r2", "rmse", "bias", "rpd"] as const).map((name) =>
      h("div", { class: "headline" }, h("span", { class: "label" }, t(`soil.measure.${name}`)), h("span", { class: "headline-value" }, number(overall[name])), h("span", { class: "note" }, t(`soil.measure.${name}.hint`))),
    ),
  );
}

/** Which samples were used, and why the others were not. */
function counts(found: Record<string, number>): HTMLElement {
  const known = ["in_filter", "other_depth", "other_extract", "doubtful", "no_value", "no_scene_in_time", "outside", "nodata", "masked", "undefined", "clear", "samples"] as const;
  const rows = known.map((name): [string, number] => [name, found[name] ?? 0]).filter(([, count]) => count > 0);
  const title = (name: string): string => {
    const one = known.find((key) => key === name);
    return one ? t(`soil.count.${one}`) : name;
  };
  return h(
    "section",
    { class: "block" },
    h("h4", { class: "block-title" }, t("soil.calibration.counts")),
    h("dl", { class: "facts" }, ...rows.flatMap(([name, count]) => [h("dt", {}, title(name)), h("dd", {}, integer(count, language()))])),
  );
}

/** Samples on the map: where the model says too little and where too much. */
function showResiduals({ app }: Desk, { samples }: Calibration): void {
  if (!samples?.lon.length) return;
  const features = samples.lon.map((lon, at): GeoJSON.Feature => ({
    type: "Feature",
    geometry: { type: "Point", coordinates: [lon, samples.lat[at] ?? 0] },
    properties: { sign: (samples.residual[at] ?? 0) > 0 ? "low" : "high" },
  }));
  const shapes: GeoJSON.FeatureCollection = { type: "FeatureCollection", features };
  app.board?.thematic(false);
  app.board?.overlay("residuals").shapes(shapes, { color: TOO_LOW, by: { property: "sign", colors: { low: TOO_LOW, high: TOO_HIGH } } });
  app.board?.fit(shapes);
}
