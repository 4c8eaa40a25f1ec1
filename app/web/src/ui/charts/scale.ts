/** From values to places on a chart, and the round numbers that are written at its edges. */

export type Scale = (value: number) => number;

export function linear([from, to]: [number, number], [start, end]: [number, number]): Scale {
  const span = to - from;
  // A single value stands in the middle.
  return (value) => (span === 0 ? (start + end) / 2 : start + ((value - from) / span) * (end - start));
}

/** Round values from below `low` to above `high`, about `count` steps of 1, 2, 2.5 or 5 times a power of ten. */
export function ticks(low: number, high: number, count = 4): number[] {
  if (!(high > low)) return [low];
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 2.5, 5].find((factor) => factor * power >= raw * 0.999) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => tidy((first + index) * step));
}

/** Without the noise of binary fractions. */
function tidy(value: number): number {
  return Number(value.toPrecision(12));
}

/** Decimals that tell all `values` (ticks) apart. */
export function decimalsOf(values: readonly number[]): number {
  return Math.max(0, ...values.map((value) => (String(value).split(".")[1] ?? "").length));
}

const DAY = 86_400_000;

export interface TimeTick {
  time: number;
  /** Begins a year. */
  year: boolean;
}

/** The first days of months (or of years, over long times) within two moments, in ms; at most `most`. */
export function timeTicks(from: number, to: number, most = 6): TimeTick[] {
  const steps = [1, 2, 3, 6, 12, 24, 60, 120];
  const months = (to - from) / (30.44 * DAY);
  const step = steps.find((one) => months / one <= most) ?? 120;
  const start = new Date(from);
  const found: TimeTick[] = [];
  const first = Math.ceil((start.getFullYear() * 12 + start.getMonth()) / step) * step;
  for (let month = first; ; month += step) {
    const time = new Date(Math.floor(month / 12), month % 12, 1).getTime();
    if (time > to) return found;
    if (time >= from) found.push({ time, year: month % 12 === 0 });
  }
}
