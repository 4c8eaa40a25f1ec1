/** The box around a geometry, [west, south, east, north]. */
export function boundsOf(geometry: GeoJSON.Geometry): [number, number, number, number] {
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
  if (geometry.type === "GeometryCollection") {
    for (const part of geometry.geometries) {
      const [w, s, e, n] = boundsOf(part);
      walk([[w, s], [e, n]]);
    }
  } else walk(geometry.coordinates);
  return box;
}
