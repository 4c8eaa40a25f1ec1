/** Horizontal bars, one row a group: name, bar (of one or more parts), value. Parts below zero go left. */
import { type Child, h, svg } from "../dom";
import { colour } from "./frame";

export interface Part {
  value: number;
  series: number | string;
  /** Read out and shown on hovering. */
  title: string;
}

export interface Row {
  title: Child;
  parts: readonly Part[];
  /** As people read it. */
  value: Child;
  note?: string;
}

/** `most` is the value at the right end, where others than the rows' own matter (a target). */
export function rowChart(label: string, rows: readonly Row[], options: { most?: number } = {}): HTMLElement {
  const [low, high] = extent(rows, options.most ?? 0);
  const notes = rows.some(({ note }) => note !== undefined);
  return h(
    "ul",
    { class: notes ? "row-chart noted" : "row-chart", "aria-label": label },
    ...rows.map(({ title, parts, value, note }) =>
      h(
        "li",
        {},
        h("span", { class: "row-title" }, title),
        bar(parts, low, high),
        h("span", { class: "row-value" }, value),
        notes && h("span", { class: "row-note" }, note ?? ""),
      ),
    ),
  );
}

/** The least sum of negative and the greatest of positive parts; zero lies within. */
export function extent(rows: readonly Pick<Row, "parts">[], most = 0): [number, number] {
  let [low, high] = [0, most];
  for (const { parts } of rows) {
    const sum = (sign: number): number => parts.reduce((all, { value }) => (value * sign > 0 ? all + value : all), 0);
    low = Math.min(low, sum(-1));
    high = Math.max(high, sum(1));
  }
  return [low, high > low ? high : low + 1];
}

/** One bar in its track; also for cells of tables. `mark` is a value to reach, drawn across the bar. */
export function bar(parts: readonly Part[], low: number, high: number, mark?: number): SVGSVGElement {
  const place = (value: number): number => ((value - low) / (high - low)) * 100;
  let [left, right] = [0, 0];
  return svg(
    "svg",
    { class: "row-bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "row-track", width: 100, height: 10 }),
    ...parts.map(({ value, series, title }) => {
      const start = value < 0 ? (left += value) : right;
      if (value > 0) right += value;
      const width = Math.max(place(start + Math.abs(value)) - place(start), value === 0 ? 0 : 0.4);
      return svg("rect", { x: place(start), width, height: 10, style: { fill: colour(series) } }, svg("title", {}, title));
    }),
    mark !== undefined && mark < high && svg("rect", { class: "row-mark", x: place(mark) - 0.4, width: 0.8, height: 10 }),
    low < 0 && svg("rect", { class: "row-zero", x: place(0) - 0.15, width: 0.3, height: 10 }),
  );
}
