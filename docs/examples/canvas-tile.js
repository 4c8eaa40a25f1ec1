/** A GeoJSON tile of the service, read and drawn on a canvas. Works with any map of XYZ tiles. */
import { headers, SERVICE } from "./service.js";

/** Features of a layer in a tile. `datum`: "gcj02" or "bd09" for maps in shifted coordinates. */
export async function readTile(layer, { z, x, y }, datum) {
  const shifted = datum ? `?datum=${datum}` : "";
  const answer = await fetch(`${SERVICE}/tiles/${layer}/${z}/${x}/${y}.geojson${shifted}`, { headers });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return (await answer.json()).features;
}

/** Degrees -> pixels of the tile (Web Mercator). */
function pixels({ z, x, y }, size) {
  const world = size * 2 ** z;
  return ([lon, lat]) => {
    const s = Math.sin((lat * Math.PI) / 180);
    return [
      ((lon + 180) / 360) * world - x * size,
      (0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI)) * world - y * size,
    ];
  };
}

/** Draw features and give back their paths, so that a click can ask what it hit. */
export function drawTile(canvas, features, tile, { fill, line }) {
  const ink = canvas.getContext("2d");
  const size = canvas.width;
  const place = pixels(tile, size);
  ink.strokeStyle = line;
  ink.lineWidth = size / 256;
  return features.map((feature) => {
    const { type, coordinates } = feature.geometry;
    const rings = { Polygon: coordinates, MultiPolygon: coordinates.flat() }[type] ?? [];
    const path = new Path2D();
    for (const ring of rings) {
      ring.forEach((point, k) => path[k ? "lineTo" : "moveTo"](...place(point)));
      path.closePath();
    }
    if (fill) {
      ink.fillStyle = fill;
      ink.fill(path, "evenodd");
    }
    ink.stroke(path);
    return { feature, path };
  });
}
