/**
 * Labels of parcels. A tile holds only its own piece of a parcel, so labels drawn from tiles repeat
 * at every tile edge; here each parcel in view gets one, inside its largest piece.
 */
import type { MapGeoJSONFeature } from "maplibre-gl";
import { innerPoint, largestRing, ringArea } from "./names";

/** From this zoom on parcels are large enough to carry their names. */
export const LABEL_ZOOM = 14;

type Piece = Pick<MapGeoJSONFeature, "id" | "geometry" | "properties">;

export function parcelLabels(layer: string, field: string, pieces: Piece[]): GeoJSON.Feature[] {
  const largest = new Map<number | string, { size: number; at: [number, number]; text: string }>();
  for (const { id, geometry, properties } of pieces) {
    const text = properties[field] as unknown;
    const ring = largestRing(geometry);
    if (id === undefined || !ring || (typeof text !== "string" && typeof text !== "number")) continue;
    const size = Math.abs(ringArea(ring));
    const known = largest.get(id);
    if (!known || size > known.size) largest.set(id, { size, at: innerPoint(ring), text: String(text) });
  }
  return [...largest.values()].map(({ at, text, size }) => ({
    type: "Feature",
    properties: { text, layer, size },
    geometry: { type: "Point", coordinates: at },
  }));
}
