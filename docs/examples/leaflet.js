/** Leaflet: GeoJSON tiles in a GridLayer of our own. */
import L from "leaflet";
import "leaflet/dist/leaflet.css";
import { drawTile, readTile } from "./canvas-tile.js";
import { attributes, describeLayers, fail, findStart, showSource, tell } from "./service.js";
import source from "./leaflet.js?raw";

showSource(source);

const GeoJsonTiles = L.GridLayer.extend({
  createTile(coords, done) {
    const size = 256 * Math.min(2, Math.ceil(window.devicePixelRatio));
    const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
    const { layer, style, datum } = this.options;
    readTile(layer, coords, datum)
      .then((features) => {
        canvas.drawn = drawTile(canvas, features, coords, style);
        done(null, canvas);
      })
      .catch((error) => done(error, canvas));
    return canvas;
  },
  /** The features in the tiles on the screen. */
  features() {
    return Object.values(this._tiles).flatMap(({ el, current }) => (current ? (el.drawn ?? []) : []));
  },
  /** The feature below a place of the map. */
  at(latlng) {
    const zoom = this._tileZoom;
    const point = this._map.project(latlng, zoom);
    const { x, y } = point.divideBy(256).floor();
    const { el } = this._tiles[`${x}:${y}:${zoom}`] ?? {};
    const scale = (el?.width ?? 0) / 256;
    const spot = [(point.x - 256 * x) * scale, (point.y - 256 * y) * scale];
    const ink = el?.getContext("2d");
    return el?.drawn?.findLast(({ path }) => ink.isPointInPath(path, ...spot, "evenodd"))?.feature;
  },
});

const { lat, lon, zoom } = await findStart().catch((error) => (fail(error), { lon: 123, lat: 45, zoom: 7 }));
const map = L.map("map", { center: [lat, lon], zoom, attributionControl: false });
L.control.scale({ imperial: false }).addTo(map);

const described = await describeLayers().catch((error) => (fail(error), []));
const shown = described.map(({ id, title, color }) => {
  const style = { fill: id === "districts" ? `${color}22` : `${color}aa`, line: color };
  const tiles = new GeoJsonTiles({ layer: id, title, style }).addTo(map);
  tiles.on("tileerror", ({ error }) => fail(error));
  tiles.on("load", count);
  return tiles;
});
window.example = { map, shown };

function count() {
  if (shown.some((layer) => layer.isLoading())) return;
  const found = shown.slice(1).flatMap((layer) => layer.features().map(({ feature }) => `${layer.options.layer} ${feature.id}`));
  const drawn = new Set(found).size;
  tell(`瓦片中有 ${drawn} 个地块 · ${drawn} parcels in the tiles`, drawn);
}

map.on("click", ({ latlng }) => {
  for (const layer of shown.slice(1).reverse()) {
    const hit = layer.at(latlng);
    if (!hit) continue;
    L.popup().setLatLng(latlng).setContent(attributes(layer.options.title, hit.properties)).openOn(map);
    return;
  }
});
