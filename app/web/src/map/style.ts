/**
 * The whole map style as one pure function of what the page knows. Any change makes a new style;
 * MapLibre applies the difference. Text is drawn from the reader's own fonts: no glyph server.
 */
import type {
  ExpressionSpecification,
  LayerSpecification,
  SourceSpecification,
  StyleSpecification,
} from "maplibre-gl";
import type { Collection } from "../api/answers";
import { type Base, baseParts } from "./base";
import { LABEL_ZOOM } from "./labels";
import { type Content, overlayParts } from "./overlay";
import { type ClassColor, DARK, type Ground, LIGHT, OTHER } from "./palette";

export interface MapLayer {
  collection: Collection;
  visible: boolean;
  /** The field that colours it, null for one colour; its classes in the order of the legend. */
  by: string | null;
  classes: ClassColor[];
  /** CQL2 that its features must meet; "" for all. */
  filter: string;
}

export interface StyleInput {
  layers: MapLayer[];
  dark: boolean;
  origin: string;
  /** Names of counties and districts as points. */
  names: GeoJSON.FeatureCollection;
  /** Names of the parcels in view. */
  parcels: GeoJSON.FeatureCollection;
  selection: GeoJSON.FeatureCollection;
  overlays: ReadonlyMap<string, Content>;
  /** The data as it was then; null: as it is. */
  asOf: string | null;
  base: Base | null;
  /** Whether more than the ground (counties, zones) is drawn. */
  thematic: boolean;
}

/** The layer that the calm ground is drawn from. */
export const GROUND = "counties";
const TILE_MAX_ZOOM = 16;
const FONT = ["PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", "sans-serif"];
/** Above this mean area a polygon layer holds zones (districts, counties) rather than parcels. */
const ZONE_M2 = 50_000_000;

type Color = string | ExpressionSpecification;

export function isZone({ liangtian: info }: Collection): boolean {
  return info.geometry === "MultiPolygon" && info.count > 0 && (info.area_m2 ?? 0) / info.count > ZONE_M2;
}

export function emptyCollection(): GeoJSON.FeatureCollection {
  return { type: "FeatureCollection", features: [] };
}

/** Where the tiles of a layer are; the revision in it shows an edit at once. */
export function tileUrl(origin: string, { collection, by, filter }: MapLayer, asOf: string | null): string {
  const { id, liangtian: info } = collection;
  const query = new URLSearchParams();
  if (asOf === null) query.set("v", String(info.revision));
  else query.set("as_of", asOf);
  if (filter) query.set("filter", filter);
  // The plain tiles carry what the layer's own colours need; they are kept and shared.
  if (by !== null && by !== info.style.by && by !== info.class_field && by !== info.county_field) {
    const names = [info.label, info.style.by, info.class_field, by].filter((name) => name !== null);
    query.set("properties", [...new Set(names)].join(","));
  }
  return `${origin}/tiles/${id}/{z}/{x}/{y}.mvt?${query}`;
}

/** Layers of the map in the order they are drawn, lowest first. */
export function drawOrder(layers: MapLayer[]): MapLayer[] {
  const rank = { MultiPolygon: 0, MultiLineString: 1, Point: 2 } as const;
  const of = ({ collection }: MapLayer): number =>
    rank[collection.liangtian.geometry ?? "Point"] * 1e6 +
    (isZone(collection) ? 0 : 1e5) +
    collection.liangtian.style.order;
  return layers.filter(({ collection }) => collection.liangtian.geometry).sort((a, b) => of(a) - of(b));
}

/** The colour of a feature by its class. */
export function colorOf({ collection, by, classes }: MapLayer): Color {
  if (!by || !classes.length) return collection.liangtian.style.color;
  const pairs = classes.flatMap(({ code, color }) => [code, color]);
  return ["match", ["to-string", ["get", by]], ...pairs, OTHER] as unknown as ExpressionSpecification;
}

const byZoom = (...stops: [number, number][]): ExpressionSpecification =>
  ["interpolate", ["linear"], ["zoom"], ...stops.flat()] as ExpressionSpecification;

export function buildStyle(input: StyleInput): StyleSpecification {
  const { layers, dark, origin, names, parcels, selection, thematic } = input;
  const ground = dark ? DARK : LIGHT;
  const over = overlayParts(input.overlays, ground, FONT);
  const base = baseParts(input.base, dark);
  // Our own sources have a colon in their names, which no layer's id can have.
  const sources: Record<string, SourceSpecification> = {
    "names:places": { type: "geojson", data: names },
    "names:parcels": { type: "geojson", data: parcels },
    "selection:shape": { type: "geojson", data: selection },
    ...over.sources,
    ...base.sources,
  };
  const polygons: LayerSpecification[] = [];
  const boundaries: LayerSpecification[] = [];
  const above: LayerSpecification[] = [];
  const labels: LayerSpecification[] = [];
  for (const one of drawOrder(layers)) {
    const plain = thematic || one.collection.id === GROUND || isZone(one.collection);
    const layer = { ...one, visible: one.visible && plain };
    const { id, extent, liangtian: info } = layer.collection;
    const bounds = extent?.spatial?.bbox?.[0];
    sources[id] = {
      type: "vector",
      tiles: [tileUrl(origin, layer, input.asOf)],
      maxzoom: TILE_MAX_ZOOM,
      ...(bounds?.length === 4 ? { bounds: bounds as [number, number, number, number] } : {}),
    };
    if (id === GROUND) {
      if (!input.base) polygons.push(...groundFill(layer, ground));
      boundaries.push(...groundLines(layer, ground));
    } else if (info.geometry === "MultiPolygon") {
      polygons.push(...polygon(layer, ground, dark));
    } else if (info.geometry === "MultiLineString") above.push(...line(layer, ground));
    else above.push(...point(layer, ground));
    if (info.label && info.geometry !== "MultiPolygon") labels.push(label(layer, ground));
  }
  return {
    version: 8,
    sources,
    layers: [
      { id: "outside", type: "background", paint: { "background-color": ground.outside } },
      ...base.layers,
      ...polygons,
      ...over.pictures,
      ...boundaries,
      ...above,
      ...over.shapes,
      ...selected(ground),
      parcelNames(ground),
      ...labels,
      ...over.labels,
      ...placeNames(ground),
    ],
  };
}

function common({ collection, visible }: MapLayer, suffix: string) {
  return {
    id: `${collection.id}:${suffix}`,
    source: collection.id,
    "source-layer": collection.id,
    minzoom: collection.liangtian.style.min_zoom,
    layout: { visibility: visible ? "visible" : "none" },
  } as const;
}

function groundFill(layer: MapLayer, ground: Ground): LayerSpecification[] {
  return [{ ...common(layer, "fill"), type: "fill", paint: { "fill-color": ground.land } }];
}

function groundLines(layer: MapLayer, ground: Ground): LayerSpecification[] {
  return [
    {
      ...common(layer, "case"),
      type: "line",
      paint: { "line-color": ground.boundaryHalo, "line-width": 3.5, "line-opacity": 0.6 },
    },
    {
      ...common(layer, "line"),
      type: "line",
      paint: { "line-color": ground.boundary, "line-width": 1.2, "line-dasharray": [5, 2, 1, 2] },
    },
  ];
}

function polygon(layer: MapLayer, ground: Ground, dark: boolean): LayerSpecification[] {
  const { style } = layer.collection.liangtian;
  const color = colorOf(layer);
  if (isZone(layer.collection)) {
    return [
      {
        ...common(layer, "fill"),
        type: "fill",
        paint: { "fill-color": color, "fill-opacity": dark ? 0.09 : 0.12 },
      },
      {
        ...common(layer, "line"),
        type: "line",
        paint: { "line-color": color, "line-width": byZoom([6, 1.2], [12, 2.4]) },
      },
    ];
  }
  return [
    {
      ...common(layer, "fill"),
      type: "fill",
      paint: { "fill-color": color, "fill-opacity": ground.fillOpacity },
    },
    {
      ...common(layer, "line"),
      minzoom: Math.max(11, style.min_zoom),
      type: "line",
      paint: {
        "line-color": style.outline ?? ground.halo,
        "line-width": byZoom([11, 0.3], [14, 1], [17, 2]),
        "line-opacity": byZoom([11, 0.15], [13, 0.5], [15, 0.9]),
      },
    },
  ];
}

/**
 * How much wider than usual a class of lines is drawn: code lists of lines name the main one first
 * (main, trunk, branch, lateral, field canal), so that the network can be read without colour.
 */
export function widthFactor(index: number, count: number): number {
  return count < 2 ? 1 : 1.5 - index / (count - 1);
}

function lineWidth({ collection, by, classes }: MapLayer, ...stops: [number, number][]): ExpressionSpecification {
  if (!by || by !== collection.liangtian.style.by || classes.length < 2) return byZoom(...stops);
  const pairs = classes.flatMap(({ code }, index) => [code, widthFactor(index, classes.length)]);
  const factor = ["match", ["to-string", ["get", by]], ...pairs, 0.7];
  const scaled = stops.flatMap(([zoom, width]) => [zoom, ["*", width, factor]]);
  return ["interpolate", ["linear"], ["zoom"], ...scaled] as unknown as ExpressionSpecification;
}

function line(layer: MapLayer, ground: Ground): LayerSpecification[] {
  const { style } = layer.collection.liangtian;
  return [
    {
      ...common(layer, "case"),
      minzoom: Math.max(10, style.min_zoom),
      type: "line",
      paint: {
        "line-color": ground.lineCase,
        "line-width": lineWidth(layer, [10, 2.2], [14, 5.5], [17, 9]),
        "line-opacity": 0.6,
      },
    },
    {
      ...common(layer, "line"),
      type: "line",
      paint: {
        "line-color": colorOf(layer),
        "line-width": lineWidth(layer, [7, 0.9], [10, 1.5], [14, 3.4], [17, 6]),
      },
    },
  ];
}

/** A point that stands for many grows with their number, but never into its neighbours. */
const MANY: ExpressionSpecification = [
  "case", ["has", "aggregate"], ["min", 2.6, ["+", 1, ["*", 0.45, ["log10", ["get", "count"]]]]], 1,
];

function point(layer: MapLayer, ground: Ground): LayerSpecification[] {
  const stops: [number, number][] = [[7, 1.6], [11, 3], [14, 5.5], [17, 8]];
  const radius = stops.flatMap(([zoom, size]): [number, ExpressionSpecification] => [zoom, ["*", size, MANY]]);
  return [
    {
      ...common(layer, "point"),
      type: "circle",
      paint: {
        "circle-color": colorOf(layer),
        "circle-radius": ["interpolate", ["linear"], ["zoom"], ...radius],
        "circle-stroke-color": ground.halo,
        "circle-stroke-width": byZoom([7, 0.3], [12, 1], [15, 1.6]),
      },
    },
  ];
}

function label(layer: MapLayer, ground: Ground): LayerSpecification {
  const { geometry, label: field, style } = layer.collection.liangtian;
  const base = common(layer, "label");
  const lines = geometry === "MultiLineString";
  return {
    ...base,
    minzoom: Math.max(lines ? 12 : 13.5, style.min_zoom),
    type: "symbol",
    layout: {
      ...base.layout,
      "text-field": ["to-string", ["get", field ?? ""]],
      "text-font": FONT,
      "text-size": lines ? 12 : 11,
      "symbol-placement": lines ? "line" : "point",
      "symbol-spacing": 420,
      "text-padding": 6,
      "text-max-width": 8,
      ...(lines ? {} : { "text-offset": [0, 0.9] as [number, number], "text-anchor": "top" as const }),
    },
    paint: {
      "text-color": lines ? ground.waterText : ground.text,
      "text-halo-color": ground.halo,
      "text-halo-width": 1.4,
    },
  };
}

function parcelNames(ground: Ground): LayerSpecification {
  return {
    id: "names:parcels",
    type: "symbol",
    source: "names:parcels",
    minzoom: LABEL_ZOOM,
    layout: {
      "text-field": ["get", "text"],
      "text-font": FONT,
      "text-size": byZoom([14, 10.5], [17, 13]),
      "text-max-width": 7,
      "text-padding": 4,
      "symbol-sort-key": ["-", ["get", "size"]],
    },
    paint: { "text-color": ground.text, "text-halo-color": ground.halo, "text-halo-width": 1.4 },
  };
}

function selected(ground: Ground): LayerSpecification[] {
  const width = byZoom([7, 2], [14, 3.5]);
  const shape = { source: "selection:shape" } as const;
  return [
    {
      id: "selection:case",
      type: "line",
      ...shape,
      layout: { "line-join": "round" },
      paint: { "line-color": ground.selectCase, "line-width": byZoom([7, 4.5], [14, 7]) },
    },
    {
      id: "selection:line",
      type: "line",
      ...shape,
      layout: { "line-join": "round" },
      paint: { "line-color": ground.select, "line-width": width },
    },
    {
      id: "selection:point",
      type: "circle",
      ...shape,
      filter: ["==", ["geometry-type"], "Point"],
      paint: {
        "circle-radius": byZoom([7, 6], [14, 11]),
        "circle-color": "transparent",
        "circle-stroke-color": ground.select,
        "circle-stroke-width": 3,
      },
    },
  ];
}

function placeNames(ground: Ground): LayerSpecification[] {
  const text = (rank: string, size: ExpressionSpecification, color: string): LayerSpecification => ({
    id: `names:${rank}`,
    type: "symbol",
    source: "names:places",
    filter: ["==", ["get", "rank"], rank],
    maxzoom: rank === "county" ? 12 : 14,
    layout: {
      "text-field": ["get", "name"],
      "text-font": FONT,
      "text-size": size,
      "text-letter-spacing": rank === "county" ? 0.12 : 0.04,
      "text-padding": 8,
      "symbol-sort-key": rank === "county" ? 0 : 1,
    },
    paint: { "text-color": color, "text-halo-color": ground.halo, "text-halo-width": 1.8 },
  });
  return [
    text("zone", byZoom([8, 11], [12, 14]), ground.waterText),
    text("county", byZoom([6, 12], [10, 18]), ground.text),
  ];
}
