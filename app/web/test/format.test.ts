import { describe, expect, it } from "vitest";
import { area, areaShort, inUnit, length, position } from "../src/ui/format";

describe("areas", () => {
  it("uses 1 mu = 2000/3 m² exactly", () => {
    expect(inUnit(2000, "mu")).toBeCloseTo(3, 12);
    expect(inUnit(10_000, "ha")).toBe(1);
  });

  it("writes one feature to two decimals", () => {
    expect(area(492_047.7, "mu", "zh")).toBe("738.07");
    expect(area(492_047.7, "ha", "en")).toBe("49.20");
  });

  it("writes totals in 万 in Chinese and thousands in English", () => {
    const m2 = (9_438_300 * 2000) / 3;
    expect(areaShort(m2, "mu", "zh")).toEqual({ value: "943.83", scale: "wan" });
    expect(areaShort(m2, "mu", "en")).toEqual({ value: "9,438.3", scale: "k" });
    expect(areaShort(12_345.6, "mu", "zh")).toEqual({ value: "18.52", scale: "" });
  });
});

it("writes lengths in metres, then kilometres", () => {
  expect(length(999.94, "zh")).toEqual({ value: "999.9", unit: "m" });
  expect(length(20_500, "en")).toEqual({ value: "20.500", unit: "km" });
});

it("names the hemisphere", () => {
  expect(position(122.83214, 45.61934)).toBe("122.83214°E  45.61934°N");
  expect(position(-1, -2)).toBe("1.00000°W  2.00000°S");
});
