import { validateStyleMin } from "@maplibre/maplibre-gl-style-spec";
import { describe, expect, it } from "vitest";
import type { Collection, Geometry } from "../src/api/answers";
import { boundsOf } from "../src/map/bounds";
import { parcelLabels } from "../src/map/labels";
import { innerPoint, largestRing } from "../src/map/names";
import { classColors, OTHER } from "../src/map/palette";
import type { Base } from "../src/map/base";
import { buildStyle, colorOf, drawOrder, emptyCollection, isZone, type MapLayer, tileUrl } from "../src/map/style";

function layer(id: string, geometry: Geometry | null, more: Partial<Collection["liangtian"]> = {}): MapLayer {
  return {
    visible: true,
    by: "k",
    filter: "",
    classes: classColors([{ const: "a", title: "甲", "x-color": "#112233" }, { const: "b", title: "乙" }]),
    collection: {
      id,
      title: id,
      extent: { spatial: { bbox: [[122, 44, 124, 46]] } },
      liangtian: {
        geometry, label: "name", class_field: "k", county_field: "county", revision: 3, count: 10, area_m2: 1e6, commit_role: "manager",
        style: { color: "#4a7c59", outline: null, by: "k", min_zoom: 0, order: 10 },
        ...more,
      },
    },
  };
}

const layers = [
  layer("structures", "Point"),
  layer("canals", "MultiLineString"),
  layer("parcels", "MultiPolygon"),
  layer("districts", "MultiPolygon", { area_m2: 5e9 }),
  layer("counties", "MultiPolygon", { area_m2: 2.5e10 }),
  layer("treatments", null),
];

const plain = {
  layers, dark: false, origin: "http://localhost", names: emptyCollection(), parcels: emptyCollection(), selection: emptyCollection(),
  overlays: new Map(), thematic: true, asOf: null, base: null,
};

describe("the style", () => {
  const style = buildStyle(plain);

  it("is valid MapLibre", () => {
    expect(validateStyleMin(style as never)).toEqual([]);
  });

  it("asks nobody else: no glyphs, no sprites, tiles of this service only", () => {
    expect(style.glyphs).toBeUndefined();
    expect(style.sprite).toBeUndefined();
    const urls = JSON.stringify(style.sources).match(/https?:\/\/[^/"]+/g) ?? [];
    expect(new Set(urls)).toEqual(new Set(["http://localhost"]));
  });

  it("names the revision in the address of a tile, so that an edit is seen at once", () => {
    expect(style.sources.parcels).toMatchObject({ tiles: ["http://localhost/tiles/parcels/{z}/{x}/{y}.mvt?v=3"] });
  });

  it("draws zones under parcels, lines over them and points on top; tables not at all", () => {
    const order = drawOrder(layers).map(({ collection }) => collection.id);
    expect(order.slice(2)).toEqual(["parcels", "canals", "structures"]);
    expect(new Set(order.slice(0, 2))).toEqual(new Set(["districts", "counties"]));
  });
});

it("colours classes by their code list, then by a palette, and the rest grey", () => {
  const expression = JSON.stringify(colorOf(layer("parcels", "MultiPolygon")));
  expect(expression).toContain('"a","#112233"');
  expect(expression).toContain(OTHER);
  expect(classColors([{ const: "x", title: "x" }])[0]?.color).toMatch(/^#[0-9a-f]{6}$/);
});

it("knows zones from parcels by their mean area", () => {
  expect(isZone(layer("d", "MultiPolygon", { area_m2: 5e9 }).collection)).toBe(true);
  expect(isZone(layer("p", "MultiPolygon").collection)).toBe(false);
  expect(isZone(layer("e", "MultiPolygon", { count: 0, area_m2: 0 }).collection)).toBe(false);
});

const U: [number, number][] = [[0, 0], [9, 0], [9, 9], [6, 9], [6, 1], [3, 1], [3, 9], [0, 9], [0, 0]];

describe("places of names", () => {
  const inside = ([x, y]: [number, number]): boolean => x > 0 && x < 9 && y > 0 && y < 9 && !(x > 3 && x < 6 && y > 1);

  it("lie inside a concave shape", () => {
    expect(inside(innerPoint(U))).toBe(true);
  });

  it("lie in the largest part", () => {
    const small = [[20, 20], [21, 20], [21, 21], [20, 20]];
    expect(largestRing({ type: "MultiPolygon", coordinates: [[small], [U]] })).toBe(U);
    expect(largestRing(null)).toBeNull();
  });

  it("name a parcel once, however many tiles it lies in", () => {
    const square = (size: number): GeoJSON.Polygon => ({ type: "Polygon", coordinates: [[[0, 0], [size, 0], [size, size], [0, size], [0, 0]]] });
    const pieces = [
      { id: 1, geometry: square(1), properties: { name: "甲" } },
      { id: 1, geometry: square(4), properties: { name: "甲" } },
      { id: 2, geometry: square(1), properties: {} },
      { geometry: square(1), properties: { name: "汇总" } },
    ];
    const labels = parcelLabels("parcels", "name", pieces as never);
    expect(labels).toHaveLength(1);
    expect(labels[0]).toMatchObject({ properties: { text: "甲" }, geometry: { coordinates: [2, 2] } });
  });
});

it("finds the box of any geometry", () => {
  const line: GeoJSON.Geometry = { type: "LineString", coordinates: [[1, 2], [3, -4]] };
  expect(boundsOf({ type: "GeometryCollection", geometries: [line, { type: "Point", coordinates: [9, 0] }] })).toEqual([1, -4, 9, 2]);
});

describe("a base map of somebody else", () => {
  it("is asked with the reader's key only, and not without one", () => {
    const style = (base: Base | null): string => JSON.stringify(buildStyle({ ...plain, base }).sources);
    expect(style(null)).not.toContain("tianditu");
    expect(style({ kind: "vec", key: "k&y=1" })).toContain("tk=k%26y%3D1");
  });
});

describe("tiles", () => {
  const query = (change: Partial<MapLayer>, asOf: string | null = null): URLSearchParams =>
    new URL(tileUrl("http://localhost", { ...layer("parcels", "MultiPolygon"), ...change }, asOf)).searchParams;

  it("are asked for with the filter, and as of a time without the present revision", () => {
    expect(Object.fromEntries(query({ filter: "stage IN ('a')" }, "20"))).toEqual({ as_of: "20", filter: "stage IN ('a')" });
  });

  it("carry the field of another theme beside what names and colours need", () => {
    expect(query({ by: "stage" }).get("properties")).toBe("name,k,stage");
    expect(query({}).get("properties")).toBeNull();
  });
});
