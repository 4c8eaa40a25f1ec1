import { describe, expect, it } from "vitest";
import { decodeHash, encodeHash } from "../src/app/address";
import { type State, Store } from "../src/app/state";

const start: State = {
  screen: "map", path: [], params: {}, lang: "zh", theme: "auto", unit: "mu", view: null, visible: null, selected: null,
  filters: {}, themes: {}, asOf: null, area: null, table: null, swipe: null, totals: null, tab: "layers",
};

describe("the address", () => {
  it("brings back what it was made from", () => {
    const state: State = {
      ...start,
      lang: "en",
      unit: "ha",
      view: { zoom: 12.5, lat: 45.61934, lon: 122.83214 },
      visible: ["parcels", "canals"],
      selected: { layer: "parcels", fid: 42 },
      totals: { layer: "parcels", by: "stage" },
      tab: "feature",
      filters: { parcels: [{ field: "stage", op: "in", values: ["accepted", "a|b;c:~"] }, { field: "year", op: "min", values: ["2023"] }] },
      themes: { parcels: "stage", plots: "mode" },
      asOf: "2025-06-30T08:00:00.123+00:00",
      area: [[122.5, 45.5], [122.6, 45.5], [122.6, 45.65432]],
      table: { layer: "parcels", sort: "-area_m2" },
      swipe: ["t:2024-01-01", "s:s2/si_gr"],
    };
    expect({ ...start, ...decodeHash(encodeHash(state)) }).toEqual(state);
  });

  it("names the screen and what belongs to it", () => {
    const state: State = { ...start, screen: "uploads", path: ["12"], params: { row: "甲&1" }, unit: "ha" };
    expect(encodeHash(state)).toBe("#/uploads/12?unit=ha&row=%E7%94%B2%261");
    expect({ ...start, ...decodeHash(encodeHash(state)) }).toEqual(state);
    expect(decodeHash("#/nonsense/1?unit=ha")).toEqual({ unit: "ha" });
  });

  it("is empty at the start", () => {
    expect(encodeHash(start)).toBe("");
  });

  it("keeps 'no layer at all' apart from 'as defined'", () => {
    expect(decodeHash(encodeHash({ ...start, visible: [] })).visible).toEqual([]);
    expect(decodeHash("").visible).toBeUndefined();
  });

  it.each([
    "#map=99/45/122", "#map=8/abc/122", "#feature=parcels/-1", "#feature=<b>/1", "#lang=fr", "#tab=admin", "#where=parcels", "#where=parcels:stage:drop:1", "#as_of=soon", "#area=1,2,3,4", "#theme=<b>:x", "#swipe=a", "#%E0%A4%A",
  ])("leaves out what makes no sense: %s", (hash) => {
    expect(decodeHash(hash)).toEqual({});
  });
});

describe("the store", () => {
  it("tells only those who follow a changed key", () => {
    const store = new Store(start);
    const seen: string[] = [];
    store.on(["lang"], ({ lang }) => seen.push(lang));
    store.on(["unit"], ({ unit }) => seen.push(unit));
    store.set({ lang: "en", unit: "mu" });
    expect(seen).toEqual(["en"]);
  });

  it("takes an equal value for no change, and stops when told", () => {
    const store = new Store(start);
    let runs = 0;
    const stop = store.on(["path", "params"], () => (runs += 1));
    store.set({ path: [], params: {} });
    expect(runs).toBe(0);
    store.setParams({ row: "1", gone: "" });
    expect(store.get().params).toEqual({ row: "1" });
    stop();
    store.setParams({ row: "" });
    expect(runs).toBe(1);
  });
});
