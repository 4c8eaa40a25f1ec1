/** What lies under the pointer, in the words of the page. */
import type { MapGeoJSONFeature } from "maplibre-gl";
import { countText, isAggregate, sizeText } from "./aggregate";
import type { Hit } from "./board";
import { overlayOf } from "./overlay";
import type { ClassColor } from "./palette";
import type { MapLayer } from "./style";

/** A cell of a tile in which features are too small to draw: sums in place of features. */
export interface Aggregate {
  layer: string;
  properties: Record<string, unknown>;
  /** The layer's classes, in whose order the parts of the sum are told. */
  classes: ClassColor[];
  at: [number, number];
}

export interface Hover {
  title: string;
  note: string;
  /** Pixels from the corner of the map. */
  at: { x: number; y: number };
}

export function hitOf(found: MapGeoJSONFeature[], layers: MapLayer[], at: [number, number]): Hit {
  const seen = new Map<string, { layer: string; fid: number }>();
  const hit: Hit = { at, features: [], aggregate: null, overlays: [] };
  for (const { id, source, properties } of found) {
    const overlay = overlayOf(source);
    if (overlay !== null) hit.overlays.push({ overlay, id, properties });
    else if (typeof id === "number") seen.set(`${source}/${id}`, { layer: source, fid: id });
    else if (isAggregate(properties)) {
      const classes = layers.find(({ collection }) => collection.id === source)?.classes ?? [];
      hit.aggregate ??= { layer: source, properties, classes, at };
    }
  }
  hit.features = [...seen.values()];
  return hit;
}

export function hoverOf(
  { id, source, properties }: MapGeoJSONFeature,
  layers: MapLayer[],
  at: { x: number; y: number },
): Hover | null {
  const layer = layers.find(({ collection }) => collection.id === source);
  if (!layer) return null;
  const { title, liangtian: info } = layer.collection;
  if (isAggregate(properties)) {
    const note = [title, sizeText(properties)].filter(Boolean).join(" · ");
    return { title: countText(properties), note, at };
  }
  if (typeof id !== "number") return null;
  const name: unknown = properties[info.label ?? ""];
  const code = String(properties[layer.by ?? ""] ?? "");
  const known = layer.classes.find((one) => one.code === code)?.title;
  return {
    title: name === undefined || name === "" ? `#${id}` : String(name),
    note: known ? `${title} · ${known}` : title,
    at,
  };
}
