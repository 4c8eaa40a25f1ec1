/** Pairs of values, with the line on which both are equal. */
import { language } from "../../i18n";
import { svg } from "../dom";
import { decimal } from "../format";
import { colour, drawn } from "./frame";
import { decimalsOf, linear, ticks } from "./scale";

export interface Pair {
  x: number;
  y: number;
  series: number | string;
  text: string;
}

const LEFT = 48;
const BOTTOM = 40;

export function scatterChart(label: string, pairs: readonly Pair[], axes: { x: string; y: string }): HTMLElement {
  return drawn((width) => draw(Math.min(width, 460), label, pairs, axes), "chart scatter");
}

function draw(size: number, label: string, pairs: readonly Pair[], axes: { x: string; y: string }): SVGSVGElement {
  const values = pairs.flatMap(({ x, y }) => [x, y]);
  const marks = ticks(Math.min(...values), Math.max(...values), 5);
  const decimals = decimalsOf(marks);
  const ends: [number, number] = [marks[0] ?? 0, marks.at(-1) ?? 1];
  const height = size - LEFT + BOTTOM;
  const x = linear(ends, [LEFT, size - 10]);
  const y = linear(ends, [height - BOTTOM, 10]);
  return svg(
    "svg",
    { class: "chart-area", viewBox: `0 0 ${size} ${height}`, width: size, height, role: "img", "aria-label": label },
    ...marks.flatMap((mark) => [
      svg("line", { class: "chart-grid", x1: LEFT, x2: size - 10, y1: y(mark), y2: y(mark) }),
      svg("line", { class: "chart-grid", x1: x(mark), x2: x(mark), y1: 10, y2: height - BOTTOM }),
      svg("text", { class: "chart-text", x: LEFT - 6, y: y(mark) + 4, "text-anchor": "end" }, decimal(mark, language(), decimals)),
      svg("text", { class: "chart-text", x: x(mark), y: height - BOTTOM + 16, "text-anchor": "middle" }, decimal(mark, language(), decimals)),
    ]),
    svg("line", { class: "chart-level", x1: x(ends[0]), y1: y(ends[0]), x2: x(ends[1]), y2: y(ends[1]) }),
    ...pairs.map((pair) =>
      svg("circle", { class: "chart-point", cx: x(pair.x).toFixed(1), cy: y(pair.y).toFixed(1), r: 2.6, style: { fill: colour(pair.series) } }, svg("title", {}, pair.text)),
    ),
    svg("text", { class: "chart-text", x: (LEFT + size) / 2, y: height - 4, "text-anchor": "middle" }, axes.x),
    svg("text", { class: "chart-text", x: 12, y: (height - BOTTOM) / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${(height - BOTTOM) / 2})` }, axes.y),
  );
}
