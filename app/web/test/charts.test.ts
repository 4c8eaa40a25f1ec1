import { describe, expect, it } from "vitest";
import { path, spread } from "../src/ui/charts/line";
import { extent } from "../src/ui/charts/rows";
import { decimalsOf, linear, ticks, timeTicks } from "../src/ui/charts/scale";

const parts = (...values: number[]) => ({ parts: values.map((value) => ({ value, series: 1, title: "" })) });

describe("scales", () => {
  it("go through both ends, and put a single value in the middle", () => {
    const scale = linear([10, 20], [0, 100]);
    expect([scale(10), scale(15), scale(20)]).toEqual([0, 50, 100]);
    expect(linear([3, 3], [0, 100])(3)).toBe(50);
  });

  it("have round ticks around all values", () => {
    expect(ticks(0, 33)).toEqual([0, 10, 20, 30, 40]);
    expect(ticks(0.12, 0.39)).toEqual([0.1, 0.2, 0.3, 0.4]);
    expect(ticks(-3, 8)).toEqual([-5, 0, 5, 10]);
    expect(ticks(7, 7)).toEqual([7]);
    for (const [low, high] of [[0, 1], [0, 761], [8.1, 10.2], [-0.3, 0.9]] as const) {
      const marks = ticks(low, high);
      expect(marks[0]).toBeLessThanOrEqual(low);
      expect(marks.at(-1)).toBeGreaterThanOrEqual(high);
      expect(marks.length).toBeLessThanOrEqual(7);
    }
  });

  it("tell ticks apart by their decimals", () => {
    expect(decimalsOf([0, 0.25, 0.5])).toBe(2);
    expect(decimalsOf([0, 10])).toBe(0);
  });

  it("mark months, then years", () => {
    const year = timeTicks(new Date(2025, 0, 15).getTime(), new Date(2026, 0, 15).getTime(), 4);
    expect(year.map(({ time }) => new Date(time).getMonth() + 1)).toEqual([4, 7, 10, 1]);
    expect(year.map((tick) => tick.year)).toEqual([false, false, false, true]);
    const long = timeTicks(new Date(2016, 5, 1).getTime(), new Date(2026, 5, 1).getTime(), 6);
    expect(long.every((tick) => tick.year)).toBe(true);
  });
});

describe("charts", () => {
  it("stack parts on both sides of zero", () => {
    expect(extent([parts(2, 3), parts(-1, 4)])).toEqual([-1, 5]);
    expect(extent([parts(2)], 10)).toEqual([0, 10]);
    expect(extent([])).toEqual([0, 1]);
  });

  it("hold a figure until it changes", () => {
    expect(path([[0, 5], [10, 3]], "step")).toBe("M0.0,5.0H10.0V3.0");
    expect(path([[0, 5], [10, 3]], "line")).toBe("M0.0,5.0L10.0,3.0");
  });

  it("give equal values some height", () => {
    expect(spread(4, 4)).toEqual([3.8, 4.2]);
    expect(spread(0, 0)).toEqual([-1, 1]);
  });
});
