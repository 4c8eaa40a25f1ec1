/** A small horizontal bar chart in plain SVG, one bar a row, widths in proportion. */
import { h, svg } from "../dom";

export interface Bar {
  title: string;
  color: string;
  share: number; // of the longest bar, 0..1
  value: string;
  note: string;
}

export function barChart(bars: Bar[], label: string): HTMLElement {
  return h(
    "ol",
    { class: "bars", "aria-label": label },
    ...bars.map(({ title, color, share, value, note }) =>
      h(
        "li",
        {},
        h("span", { class: "bar-title" }, title),
        h("span", { class: "bar-value" }, value),
        svg(
          "svg",
          { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
          svg("rect", { class: "bar-track", width: 100, height: 8 }),
          svg("rect", { width: Math.max(share * 100, share > 0 ? 0.6 : 0), height: 8, fill: color }),
        ),
        h("span", { class: "bar-note" }, note),
      ),
    ),
  );
}
