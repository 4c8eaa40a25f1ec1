/** The box around shapes, [west, south, east, north]; west > east when there are none. */
export function boundsOf(geometry: GeoJSON.Geometry | GeoJSON.FeatureCollection): [number, number, number, number] {
  const box: [number, number, number, number] = [180, 90, -180, -90];
  const walk = (coordinates: unknown): void => {
    if (!Array.isArray(coordinates)) return;
    const [x, y] = coordinates as unknown[];
    if (typeof x === "number" && typeof y === "number") {
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x);
      box[3] = Math.max(box[3], y);
    } else coordinates.forEach(walk);
  };
  if (geometry.type === "FeatureCollection" || geometry.type === "GeometryCollection") {
    const parts = geometry.type === "GeometryCollection" ? geometry.geometries : geometry.features.map((f) => f.geometry);
    for (const part of parts) {
      // A feature without geometry has no box.
      const [w, s, e, n] = part ? boundsOf(part) : [180, 90, -180, -90];
      if (w <= e) walk([[w, s], [e, n]]);
    }
  } else walk(geometry.coordinates);
  return box;
}
