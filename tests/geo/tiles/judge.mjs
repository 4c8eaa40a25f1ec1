// What Mapbox's own reader finds in vector tiles: node judge.mjs MODULES FILE...
//
// Prints one line of JSON a file: the layers, their features with id, type, properties and
// GeoJSON geometry in lon/lat of tile 12/3446/1468, or {"error": ...} where it refuses.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, ...files] = process.argv.slice(2);
const module = (path) => import(pathToFileURL(join(modules, path)));
const { VectorTile } = await module("@mapbox/vector-tile/index.js");
const { PbfReader } = await module("pbf/index.js");

for (const file of files) {
  let found;
  try {
    const tile = new VectorTile(new PbfReader(readFileSync(file)));
    found = Object.values(tile.layers).map((layer) => ({
      name: layer.name,
      version: layer.version,
      extent: layer.extent,
      features: Array.from({ length: layer.length }, (_, i) => {
        const feature = layer.feature(i);
        return {
          id: feature.id ?? null,
          type: feature.type,
          properties: feature.properties,
          parts: feature.loadGeometry().map((part) => part.map(({ x, y }) => [x, y])),
          geometry: feature.toGeoJSON(3446, 1468, 12).geometry,
        };
      }),
    }));
  } catch (error) {
    found = { error: String(error) };
  }
  console.log(JSON.stringify(found));
}
