/** What the colours of a picture mean. */
import { type Lang, language, t } from "../../i18n";
import { h } from "../../ui/dom";
import { decimal } from "../../ui/format";
import type { GradeLegend, IndexLegend, Legend } from "./service";

export function legendOf(legend: Legend): HTMLElement {
  const lang = language();
  if (legend.kind === "composite") return h("p", { class: "note" }, t("soil.legend.bands", { bands: legend.bands.join(", ") }));
  return h(
    "div",
    { class: "picture-legend" },
    legend.kind === "index" ? ramp(legend, lang) : grades(legend, lang),
    h("p", { class: "note" }, h("code", {}, legend.formula), ` · ${legend.meaning[lang]}`),
    legend.kind === "index" && h("p", { class: "note" }, legend.pitfall[lang]),
    h("p", { class: "note" }, legend.transparent[lang]),
  );
}

function ramp({ stops, range: [low, high], title }: IndexLegend, lang: Lang): HTMLElement {
  const colours = stops.map(({ value, color }) => `${color} ${(((value - low) / (high - low)) * 100).toFixed(1)}%`);
  const marks = [low, (low + high) / 2, high].map((value) => h("span", {}, decimal(value, lang, 3)));
  return h(
    "div",
    { role: "img", "aria-label": t("soil.legend.label", { title: title[lang] }) },
    h("div", { class: "ramp", style: { background: `linear-gradient(90deg, ${colours.join(", ")})` } }),
    h("div", { class: "ramp-marks" }, ...marks),
  );
}

function grades({ grades: listed }: GradeLegend, lang: Lang): HTMLElement {
  return h(
    "ul",
    { class: "grade-legend" },
    ...listed.map(({ title, color, from, below }) =>
      h("li", {}, h("span", { class: "chart-swatch", style: { background: color } }), h("span", {}, title[lang]), h("span", { class: "note" }, limits(from, below, lang))),
    ),
  );
}

/** "0.1 – 0.2", "< 0.1", "≥ 0.3"; "" without limits. */
export function limits(from: number | null, below: number | null, lang: Lang): string {
  if (from === null && below === null) return "";
  if (from === null) return `< ${decimal(below ?? 0, lang, 4)}`;
  if (below === null) return `≥ ${decimal(from, lang, 4)}`;
  return `${decimal(from, lang, 4)} – ${decimal(below, lang, 4)}`;
}
