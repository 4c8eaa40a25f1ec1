/** Values over time: lines, steps (a figure holds until it changes) or dots, with a readout under the pointer. */
import { type Lang, language } from "../../i18n";
import { fill, h, svg } from "../dom";
import { decimal } from "../format";
import { colour, drawn } from "./frame";
import { decimalsOf, linear, ticks, timeTicks, type Scale } from "./scale";

export interface Point {
  /** ms since 1970 */
  time: number;
  value: number;
  /** What the readout says; also read out. */
  text: string;
  /** A span around the value. */
  low?: number;
  high?: number;
}

export interface Line {
  title: string;
  series: number | string;
  kind: "line" | "step" | "dots";
  points: readonly Point[];
}

export interface LineOptions {
  height?: number;
  /** Values that must be in sight, e.g. 0. */
  include?: readonly number[];
  /** Room for the marks at the left, so that charts below one another line up. */
  left?: number;
  /** From when to when; else from the first to the last point. */
  times?: [number, number];
  /** A level with its name, drawn where it lies within sight. */
  level?: { value: number; title: string };
}

const TOP = 10;
const BOTTOM = 24;
const RIGHT = 12;

export function lineChart(label: string, lines: readonly Line[], options: LineOptions = {}): HTMLElement {
  const readout = h("p", { class: "chart-readout", role: "status" });
  const chart = drawn((width) => draw(width, label, lines, options, readout), "chart");
  return h("div", { class: "line-chart" }, readout, chart);
}

function draw(width: number, label: string, lines: readonly Line[], options: LineOptions, readout: HTMLElement): SVGSVGElement {
  const { height = 180, include = [], level, left: room = 0, times: wanted } = options;
  const points = lines.flatMap((line) => line.points);
  const values = [...points.flatMap(({ value, low = value, high = value }) => [low, value, high]), ...include];
  const marks = ticks(...spread(Math.min(...values), Math.max(...values)));
  const decimals = decimalsOf(marks);
  const texts = marks.map((mark) => decimal(mark, language(), decimals));
  const left = Math.max(room, ...texts.map((text) => text.length * 7 + 10));
  const times = points.map(({ time }) => time);
  const [from, to] = wanted ?? [Math.min(...times), Math.max(...times)];
  const x = linear([from, to], [left, width - RIGHT]);
  const y = linear([marks[0] ?? 0, marks.at(-1) ?? 1], [height - BOTTOM, TOP]);
  const rule = svg("line", { class: "chart-rule", y1: TOP, y2: height - BOTTOM, visibility: "hidden" });
  const root = svg(
    "svg",
    { class: "chart-area", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label },
    ...marks.flatMap((mark, index) => [
      svg("line", { class: "chart-grid", x1: left, x2: width - RIGHT, y1: y(mark), y2: y(mark) }),
      svg("text", { class: "chart-text", x: left - 6, y: y(mark) + 4, "text-anchor": "end" }, texts[index]),
    ]),
    ...(from < to ? timeTicks(from, to, Math.floor((width - left) / 72)) : []).map(({ time, year }) =>
      svg("text", { class: "chart-text", x: Math.min(x(time), width - 28), y: height - 6, "text-anchor": "middle" }, moment(time, year, language())),
    ),
    ...(level && inSight(level.value, marks)
      ? [
          svg("line", { class: "chart-level", x1: left, x2: width - RIGHT, y1: y(level.value), y2: y(level.value) }),
          svg("text", { class: "chart-text strong", x: width - RIGHT, y: y(level.value) - 5, "text-anchor": "end" }, level.title),
        ]
      : []),
    rule,
    ...lines.flatMap((line) => shapes(line, x, y)),
  );
  follow(root, rule, lines, x, width, readout);
  return root;
}

/** A level between the outermost marks. */
function inSight(value: number, marks: readonly number[]): boolean {
  return value >= (marks[0] ?? 0) && value <= (marks.at(-1) ?? 0);
}

/** Equal values still need some height. */
export function spread(low: number, high: number): [number, number] {
  if (high > low) return [low, high];
  const some = Math.abs(low) * 0.05 || 1;
  return [low - some, high + some];
}

function shapes({ points, series, kind }: Line, x: Scale, y: Scale): SVGElement[] {
  const stroke = colour(series);
  const dots = points.map(({ time, value, text }) =>
    svg("circle", { class: "chart-dot", cx: x(time), cy: y(value), r: kind === "dots" ? 4 : 2.5, style: { fill: stroke } }, svg("title", {}, text)),
  );
  const spans = points.flatMap(({ time, low, high }) =>
    low === undefined || high === undefined ? [] : [svg("line", { class: "chart-span", x1: x(time), x2: x(time), y1: y(low), y2: y(high), style: { stroke } })],
  );
  if (kind === "dots") return [...spans, ...dots];
  return [...spans, svg("path", { class: "chart-line", d: path(points.map(({ time, value }) => [x(time), y(value)]), kind), style: { stroke } }), ...dots];
}

export function path(places: readonly [number, number][], kind: "line" | "step"): string {
  return places
    .map(([x, y], index) => {
      const at = `${x.toFixed(1)},${y.toFixed(1)}`;
      if (index === 0) return `M${at}`;
      return kind === "step" ? `H${x.toFixed(1)}V${y.toFixed(1)}` : `L${at}`;
    })
    .join("");
}

function moment(time: number, year: boolean, lang: Lang): string {
  const locale = lang === "zh" ? "zh-CN" : "en-GB";
  return new Intl.DateTimeFormat(locale, year ? { year: "numeric" } : { month: "short" }).format(time);
}

/** The nearest point of each line is written above the chart while the pointer is over it. */
function follow(root: SVGSVGElement, rule: SVGLineElement, lines: readonly Line[], x: Scale, width: number, readout: HTMLElement): void {
  const times = [...new Set(lines.flatMap(({ points }) => points.map(({ time }) => time)))];
  root.addEventListener("pointermove", ({ clientX }) => {
    const box = root.getBoundingClientRect();
    const at = ((clientX - box.left) / box.width) * width;
    const time = times.reduce((best, one) => (Math.abs(x(one) - at) < Math.abs(x(best) - at) ? one : best), times[0] ?? 0);
    rule.setAttribute("x1", String(x(time)));
    rule.setAttribute("x2", String(x(time)));
    rule.setAttribute("visibility", "visible");
    const texts = lines.flatMap(({ points }) => points.filter((point) => point.time === time).map(({ text }) => text));
    fill(readout, texts.join(" · "));
  });
  root.addEventListener("pointerleave", () => {
    rule.setAttribute("visibility", "hidden");
    fill(readout);
  });
}
