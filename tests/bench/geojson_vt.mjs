// geojson-vt beside our GeoJSON tiles: node geojson_vt.mjs MODULES FEATURES z/x/y...
//
// FEATURES has one GeoJSON feature a line. Every tile is asked for once before it is timed, so
// that its index is warm: what is timed is getTile of a tile that is built already and
// JSON.stringify, once of the library's own tile coordinates and once of GeoJSON in degrees.
// Prints one line of JSON a tile: {tile, features, bytes, first, own, degrees}; times in ms.

import { createInterface } from "node:readline";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, file, ...tiles] = process.argv.slice(2);
const { default: GeoJSONVT } = await import(pathToFileURL(join(modules, "geojson-vt/src/index.js")));

const features = [];
for await (const line of createInterface({ input: createReadStream(file) })) {
  features.push(JSON.parse(line));
}
const index = new GeoJSONVT(
  { type: "FeatureCollection", features },
  { maxZoom: 14, extent: 4096, buffer: 64 },
);
features.length = 0;

function best(work) {
  let shortest = Infinity;
  const stop = performance.now() + 1000;
  do {
    const start = performance.now();
    work();
    shortest = Math.min(shortest, performance.now() - start);
  } while (performance.now() < stop);
  return shortest;
}

function degrees(tile, z, x, y) {
  const size = 4096 * 2 ** z;
  const point = ([px, py]) => [
    ((px + 4096 * x) * 360) / size - 180,
    (360 / Math.PI) * Math.atan(Math.exp(((180 - ((py + 4096 * y) * 360) / size) * Math.PI) / 180)) - 90,
  ];
  return {
    type: "FeatureCollection",
    features: tile.features.map((feature) => ({
      type: "Feature",
      id: feature.id,
      geometry: { type: "Polygon", coordinates: feature.geometry.map((ring) => ring.map(point)) },
      properties: feature.tags,
    })),
  };
}

for (const name of tiles) {
  const [z, x, y] = name.split("/").map(Number);
  const start = performance.now();
  const tile = index.getTile(z, x, y);
  const first = performance.now() - start;
  const own = best(() => JSON.stringify(index.getTile(z, x, y).features));
  const inDegrees = best(() => JSON.stringify(degrees(index.getTile(z, x, y), z, x, y)));
  const bytes = JSON.stringify(degrees(tile, z, x, y)).length;
  console.log(JSON.stringify({ tile: name, features: tile.features.length, bytes, first, own, degrees: inDegrees }));
}
