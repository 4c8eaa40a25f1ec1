/** GCJ-02 tiles as a map in AMap's coordinates shows them; Leaflet stands in for AMap. */
import L from "leaflet";
import "leaflet/dist/leaflet.css";
import { drawTile, readTile } from "./canvas-tile.js";
import { fail, findStart, getJson, showSource, tell } from "./service.js";
import source from "./amap.js?raw";
import snippet from "./amap-page.html?raw";

showSource(source);
showSource(snippet, "snippet");

const GREEN = { fill: "#2e7d5b88", line: "#2e7d5b" };
const GREY = { fill: null, line: "#5b5b5b" };
const OF_PLOTS = { layer: "plots", datum: "gcj02", style: GREEN };

const Tiles = L.GridLayer.extend({
  createTile(coords, done) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 512, height: 512 });
    const { layer, datum, style } = this.options;
    readTile(layer, coords, datum)
      .then((features) => {
        canvas.drawn = drawTile(canvas, features, coords, style);
        done(null, canvas);
      })
      .catch((error) => done(error, canvas));
    return canvas;
  },
  ids() {
    return new Set(Object.values(this._tiles).flatMap(({ el }) => (el.drawn ?? []).map(({ feature }) => feature.id)));
  },
});

const { lat, lon, zoom } = await findStart().catch((error) => (fail(error), { lon: 123, lat: 45, zoom: 7 }));
const map = L.map("map", { center: [lat, lon], zoom: zoom + 2, attributionControl: false });
L.control.scale({ imperial: false }).addTo(map);

/** A grid of GCJ-02 degrees in place of a base map. */
const grid = L.layerGroup().addTo(map);
function drawGrid() {
  grid.clearLayers();
  const step = 2 ** Math.max(0, 14 - map.getZoom()) * 0.01;
  const box = map.getBounds();
  const style = { color: "#8a938d", weight: 0.5, interactive: false };
  for (let k = Math.ceil(box.getWest() / step); k * step < box.getEast(); k++) {
    grid.addLayer(L.polyline([[box.getSouth(), k * step], [box.getNorth(), k * step]], style));
  }
  for (let k = Math.ceil(box.getSouth() / step); k * step < box.getNorth(); k++) {
    grid.addLayer(L.polyline([[k * step, box.getWest()], [k * step, box.getEast()]], style));
  }
}
map.on("moveend", drawGrid);
drawGrid();

const trueTiles = new Tiles({ ...OF_PLOTS, datum: undefined, style: GREY }).addTo(map);
const shifted = new Tiles(OF_PLOTS).addTo(map);
window.example = { map, shifted, trueTiles };

/** How far the shift is here, from one feature of the API in both coordinates. */
async function distance() {
  const [id] = shifted.ids();
  if (id === undefined) return 0;
  const places = await Promise.all(
    ["", "?datum=gcj02"].map(async (query) => {
      const { geometry } = await getJson(`/collections/plots/items/${id}${query}`);
      const [east, north] = geometry.coordinates.flat(Infinity);
      return L.latLng(north, east);
    }),
  );
  return places[0].distanceTo(places[1]);
}

for (const layer of [trueTiles, shifted]) layer.on("tileerror", ({ error }) => fail(error));
for (const layer of [trueTiles, shifted]) {
  layer.on("load", async () => {
    if (trueTiles.isLoading() || shifted.isLoading()) return;
    const metres = Math.round(await distance().catch(() => 0));
    const drawn = shifted.ids().size;
    tell(`${drawn} 个治理地块，偏移 ${metres} 米（近似） · ${drawn} plots, shifted by ${metres} m (approximate)`, drawn);
  });
}
