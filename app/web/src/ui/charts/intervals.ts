/** Estimates with their intervals, one row each, and a mark for what they are compared with. */
import { h, svg } from "../dom";

export interface Interval {
  title: string;
  value: number;
  /** Half the width of the interval; null where nothing can be said. */
  half: number | null;
  mark: number;
  text: string;
}

export function intervalChart(label: string, rows: readonly Interval[]): HTMLElement {
  const most = Math.max(...rows.flatMap(({ value, half, mark }) => [value + (half ?? 0), mark]), Number.MIN_VALUE);
  const place = (value: number): number => (Math.max(value, 0) / most) * 100;
  return h(
    "ul",
    { class: "row-chart", "aria-label": label },
    ...rows.map(({ title, value, half, mark, text }) =>
      h(
        "li",
        {},
        h("span", { class: "row-title" }, title),
        svg(
          "svg",
          { class: "interval", viewBox: "0 0 100 16", preserveAspectRatio: "none", "aria-hidden": "true" },
          svg("rect", { class: "row-track", y: 6, width: 100, height: 4 }),
          half !== null && svg("rect", { class: "interval-span", x: place(value - half), y: 5, width: Math.max(place(value + half) - place(value - half), 0.4), height: 6 }),
          svg("rect", { class: "interval-value", x: place(value) - 0.5, y: 2, width: 1, height: 12 }),
          svg("rect", { class: "interval-mark", x: place(mark) - 0.25, y: 0, width: 0.5, height: 16 }),
        ),
        h("span", { class: "row-value" }, text),
      ),
    ),
  );
}
