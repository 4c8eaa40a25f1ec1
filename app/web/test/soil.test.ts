import { describe, expect, it } from "vitest";
import { resized, type Sample, take } from "../src/screens/soil/accuracy";
import { limits } from "../src/screens/soil/legend";
import { labelsOf } from "../src/screens/soil/run-areas";
import { bodyOf, cutsOf } from "../src/screens/soil/run-form";
import { statedOf } from "../src/screens/soil/scene-form";
import type { GradeLegend, Mask, Scene } from "../src/screens/soil/service";

const scene = { id: "b", properties: { datetime: "2026-05-08T02:45:41Z" }, assets: { data: { bands: [{ name: "R" }, { name: "N" }, { name: "G" }] } } } as unknown as Scene;
const mask = (id: string, ...bands: string[][]): Mask => ({ id, title: { zh: id, en: id }, bands, parameter: null, default: null });

describe("a run", () => {
  const asked = {
    kind: "scene", scene: "b", before: "a", measure: "si_gr", grading: "own", cuts: "0.1，0.2; 0.3", zones: "layer", layer: "plots", filter: " county = '220882' ",
    drawn: null, masks: new Set(["scl", "water"]), seasons: false,
  } as const;
  const choices = { scenes: [scene], masks: [mask("scl", ["SCL"]), mask("water", ["G", "S1"], ["G", "N"])] };

  it("asks only for masks whose bands are there", () => {
    expect(bodyOf({ ...asked }, choices)).toEqual({
      scene: "b", index: "si_gr", grading: { cuts: [0.1, 0.2, 0.3], labels: ["<0.1", "0.1–0.2", "0.2–0.3", "≥0.3"] },
      zones: { layer: "plots", filter: "county = '220882'" }, masks: ["water"],
    });
  });

  it("compares two scenes, in a drawn area, with a calibrated model", () => {
    const drawn: GeoJSON.Polygon = { type: "Polygon", coordinates: [[[123, 45], [124, 45], [124, 46], [123, 45]]] };
    const body = bodyOf({ ...asked, kind: "pair", zones: "drawn", drawn, measure: "model:7", grading: "ph-a", seasons: true }, choices);
    expect(body).toMatchObject({ before: "a", after: "b", model: 7, grading: "ph-a", across_seasons: true });
    expect(body).not.toHaveProperty("index");
    expect((body.zones as { geometries: GeoJSON.FeatureCollection }).geometries.features[0]?.geometry).toEqual(drawn);
  });

  it("names one grade more than there are limits", () => {
    expect(cutsOf("1").labels).toEqual(["<1", "≥1"]);
  });
});

describe("grades", () => {
  const legend = { grades: [{ code: "none", title: { zh: "无", en: "None" }, color: "#000", from: null, below: 1 }, { code: "x", title: { zh: "重", en: "Much" }, color: "#fff", from: 1, below: null }] } as unknown as GradeLegend;

  it("are found by code, by title, or by their place", () => {
    expect(labelsOf(legend, { none: 1, x: 2 }).map(({ label }) => label)).toEqual(["none", "x"]);
    expect(labelsOf(legend, { 无: 1, 重: 2 }).map(({ label }) => label)).toEqual(["无", "重"]);
    expect(labelsOf(legend, { "<1": 1, "≥1": 2 }).map(({ label }) => label)).toEqual(["<1", "≥1"]);
  });

  it("tell their limits", () => {
    expect([limits(null, 0.1, "zh"), limits(0.1, 0.2, "zh"), limits(0.2, null, "zh"), limits(null, null, "zh")]).toEqual(["< 0.1", "0.1 – 0.2", "≥ 0.2", ""]);
  });
});

describe("a table of samples", () => {
  const sample = (): Sample => ({ classes: ["a", "b"], matrix: [[1, 2], [3, 4]], areas: [5, 6], unit: "mu", design: "unknown" });

  it("keeps what is there when classes come and go", () => {
    const grown = resized(sample(), 3);
    expect(grown.matrix).toEqual([[1, 2, 0], [3, 4, 0], [0, 0, 0]]);
    expect(grown.areas).toEqual([5, 6, 0]);
    expect(resized(sample(), 1).matrix).toEqual([[1]]);
  });

  it("takes cells of a spreadsheet, with names and areas", () => {
    const one = sample();
    take(one, "\t盐碱\t其他\t面积\n盐碱\t45\t5\t1,400\n其他\t10\t40\t600\n");
    expect(one).toMatchObject({ classes: ["盐碱", "其他"], matrix: [[45, 5], [10, 40]], areas: [1400, 600] });
  });

  it("takes bare numbers", () => {
    const one = sample();
    take(one, "7\t8\n9\t10");
    expect(one).toMatchObject({ classes: ["a", "b"], matrix: [[7, 8], [9, 10]], areas: [5, 6] });
  });
});

it("a scene is told about as far as it was filled in", () => {
  const asked = { from: "file", href: "", name: "晚春", sensor: "custom", bands: "B,G", datetime: "", scale: "0.0001", offset: "0", baseline: "05.09" } as const;
  expect(statedOf(asked)).toEqual({ name: "晚春", sensor: "custom", bands: "B,G", scale: 0.0001, offset: 0 });
  expect(statedOf({ ...asked, from: "server", href: "x/item.json", name: "", scale: "", offset: "" })).toEqual({});
});
