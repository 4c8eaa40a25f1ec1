/** A chart is as wide as its place: it is drawn anew when that changes. */
import { fill, h } from "../dom";

const START = 560;

export function drawn(draw: (width: number) => SVGSVGElement, name = "chart"): HTMLElement {
  const element = h("div", { class: name });
  let now = 0;
  const show = (width: number): void => {
    if (width === now || width < 40) return;
    now = width;
    fill(element, draw(width));
  };
  new ResizeObserver(([entry]) => show(Math.round(entry?.contentRect.width ?? 0))).observe(element);
  show(START);
  return element;
}

/** What the colours mean. */
export function key(entries: readonly [title: string, series: number | string][]): HTMLElement {
  return h(
    "ul",
    { class: "chart-key" },
    ...entries.map(([title, series]) => h("li", {}, h("span", { class: "chart-swatch", style: { background: colour(series) } }), title)),
  );
}

/** The colour of a series by its number, or a colour as it is. */
export function colour(series: number | string): string {
  return typeof series === "number" ? `var(--series-${series})` : series;
}
