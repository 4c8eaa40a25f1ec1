/** MapLibre GL: vector tiles, and raster tiles of a soil index with their legend. */
import { Map, NavigationControl, Popup, ScaleControl, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import "maplibre-gl/dist/maplibre-gl.css";
import { attributes, describeLayers, fail, findStart, getJson, headers, SERVICE, showSource, tell } from "./service.js";
import source from "./maplibre.js?raw";

setWorkerUrl(workerUrl);
showSource(source);

const start = await findStart().catch((error) => (fail(error), { lon: 123, lat: 45, zoom: 7 }));
const map = new Map({
  container: "map",
  center: [start.lon, start.lat],
  zoom: start.zoom - 1, // MapLibre counts tiles of 512 pixels
  style: {
    version: 8,
    sources: {},
    layers: [{ id: "ground", type: "background", paint: { "background-color": "#eef0ea" } }],
  },
  attributionControl: false,
  transformRequest: (url) => ({ url, headers }),
});
map.addControl(new NavigationControl({ showCompass: false }));
map.addControl(new ScaleControl());
window.example = { map };

const loaded = map.once("load");
const layers = await describeLayers().catch((error) => (fail(error), []));
await loaded;
for (const { id, color } of layers) {
  map.addSource(id, { type: "vector", url: `${SERVICE}/tiles/${id}.json` });
  const polygons = { source: id, "source-layer": id };
  const opacity = id === "districts" ? 0.1 : 0.25;
  map.addLayer({ id, type: "fill", ...polygons, paint: { "fill-color": color, "fill-opacity": opacity } });
  map.addLayer({ id: `${id}-line`, type: "line", ...polygons, paint: { "line-color": color } });
}

/** Raster tiles below the parcels: TileJSON gives the address, the zooms and the legend. */
async function showIndex(index) {
  if (map.getLayer("index")) map.removeLayer("index");
  if (map.getSource("index")) map.removeSource("index");
  document.getElementById("legend").replaceChildren();
  if (!index) return;
  const scenes = await getJson("/soil/scenes");
  const scene = scenes.features.at(-1);
  if (!scene) return;
  const size = window.devicePixelRatio > 1 ? 512 : 256; // drawn as 256: sharp on fine screens
  const tiles = await getJson(`/soil/scenes/${scene.id}/tiles.json?index=${index}&mask=scl&size=${size}`);
  map.addSource("index", {
    type: "raster",
    tiles: tiles.tiles,
    tileSize: 256,
    minzoom: tiles.minzoom,
    maxzoom: tiles.maxzoom,
    bounds: tiles.bounds,
  });
  const paint = { "raster-resampling": "nearest", "raster-fade-duration": 0 };
  map.addLayer({ id: "index", type: "raster", source: "index", paint }, layers[0]?.id);
  document.getElementById("legend").append(legend(tiles));
}

function legend({ name, legend: { formula, meaning, stops } }) {
  const box = document.createElement("div");
  box.className = "legend";
  const bar = Object.assign(document.createElement("canvas"), { width: 256, height: 1 });
  const ink = bar.getContext("2d");
  const ramp = ink.createLinearGradient(0, 0, 256, 0);
  stops.forEach(({ color }, k) => ramp.addColorStop(k / (stops.length - 1), color));
  ink.fillStyle = ramp;
  ink.fillRect(0, 0, 256, 1);
  const ends = document.createElement("div");
  ends.className = "ends";
  for (const { value } of [stops[0], stops[(stops.length - 1) / 2], stops.at(-1)]) {
    ends.append(Object.assign(document.createElement("span"), { textContent: value }));
  }
  const lines = [`${name}: ${formula}`, `${meaning.zh} ${meaning.en}`];
  box.append(bar, ends, ...lines.map((textContent) => Object.assign(document.createElement("p"), { textContent })));
  return box;
}

const choice = document.getElementById("index");
choice.addEventListener("change", () => showIndex(choice.value).catch(fail));
await showIndex(choice.value).catch(fail);

map.on("click", (event) => {
  const [hit] = map.queryRenderedFeatures(event.point, { layers: ["plots", "parcels"] });
  if (!hit) return;
  const { title } = layers.find(({ id }) => id === hit.source);
  new Popup().setLngLat(event.lngLat).setDOMContent(attributes(title, hit.properties)).addTo(map);
});
map.on("error", ({ error }) => fail(error));
map.on("idle", () => {
  const seen = map.queryRenderedFeatures({ layers: ["plots", "parcels"] });
  const ids = new Set(seen.map(({ source, id }) => `${source} ${id}`));
  tell(`画面中有 ${ids.size} 个地块 · ${ids.size} parcels in view`, ids.size);
});
map.triggerRepaint();
