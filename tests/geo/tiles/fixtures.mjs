// The tiles of @mapbox/mvt-fixtures: node fixtures.mjs MODULES
// Prints one line of JSON a fixture: {id, valid, tile}; valid for version 2, tile in base64.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folder = join(process.argv[2], "@mapbox/mvt-fixtures");
const fixtures = await import(pathToFileURL(join(folder, "index.js")));
for (const id of readdirSync(join(folder, "fixtures")).filter((name) => /^\d+$/.test(name))) {
  const { validity, buffer } = fixtures.get(id);
  console.log(JSON.stringify({ id, valid: validity.v2, tile: buffer.toString("base64") }));
}
