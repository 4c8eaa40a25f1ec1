/** Places for the names of counties and irrigation districts: one a feature, inside its shape. */
import type { Collection } from "../api/answers";
import type { Api } from "../api/client";
import { GROUND, isZone } from "./style";

export type Ring = GeoJSON.Position[];

/** Twice the signed area of a ring, in square degrees. */
export function ringArea(ring: Ring): number {
  let sum = 0;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [a, b] = [ring[j] ?? [0, 0], ring[i] ?? [0, 0]];
    sum += (a[0] ?? 0) * (b[1] ?? 0) - (b[0] ?? 0) * (a[1] ?? 0);
  }
  return sum;
}

/**
 * A point inside a polygon, near its middle: on the level of the centroid, the middle of the
 * widest run inside the outer ring.
 */
export function innerPoint(ring: Ring): [number, number] {
  const ys = ring.map((p) => p[1] ?? 0);
  const low = Math.min(...ys);
  const high = Math.max(...ys);
  let best: { width: number; at: [number, number] } = { width: -1, at: [ring[0]?.[0] ?? 0, ring[0]?.[1] ?? 0] };
  for (const share of [0.5, 0.42, 0.58, 0.35, 0.65]) {
    const y = low + (high - low) * share;
    const xs: number[] = [];
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [x1 = 0, y1 = 0] = ring[j] ?? [];
      const [x2 = 0, y2 = 0] = ring[i] ?? [];
      if (y1 > y !== y2 > y) xs.push(x1 + ((y - y1) / (y2 - y1)) * (x2 - x1));
    }
    xs.sort((a, b) => a - b);
    for (let i = 0; i + 1 < xs.length; i += 2) {
      const [left = 0, right = 0] = [xs[i], xs[i + 1]];
      // The middle level wins unless another is clearly wider.
      const width = (right - left) * (share === 0.5 ? 1.25 : 1);
      if (width > best.width) best = { width, at: [(left + right) / 2, y] };
    }
  }
  return best.at;
}

export function largestRing(geometry: GeoJSON.Geometry | null): Ring | null {
  const polygons =
    geometry?.type === "Polygon" ? [geometry.coordinates]
    : geometry?.type === "MultiPolygon" ? geometry.coordinates
    : [];
  let best: Ring | null = null;
  for (const [outer] of polygons) {
    if (outer && (!best || Math.abs(ringArea(outer)) > Math.abs(ringArea(best)))) best = outer;
  }
  return best;
}

const MOST_NAMES = 200;

/** Names of every small zone layer. A layer that cannot be read simply has none. */
export async function loadNames(api: Api, collections: Collection[]): Promise<GeoJSON.FeatureCollection> {
  const named = collections.filter(
    (c) => isZone(c) && c.liangtian.label !== null && c.liangtian.count <= MOST_NAMES,
  );
  const lists = await Promise.allSettled(
    named.map(async ({ id, liangtian }) => {
      const { features } = await api.get("/collections/{layer}/items", { path: { layer: id }, query: { limit: MOST_NAMES } });
      return features.flatMap((feature): GeoJSON.Feature[] => {
        const ring = largestRing(feature.geometry);
        const name = feature.properties[liangtian.label ?? ""];
        if (!ring || typeof name !== "string") return [];
        return [
          {
            type: "Feature",
            properties: { name, rank: id === GROUND ? "county" : "zone", layer: id },
            geometry: { type: "Point", coordinates: innerPoint(ring) },
          },
        ];
      });
    }),
  );
  const features = lists.flatMap((list) => (list.status === "fulfilled" ? list.value : []));
  return { type: "FeatureCollection", features };
}
