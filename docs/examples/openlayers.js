/** OpenLayers: vector tiles in Web Mercator, and in longitude and latitude for CGCS2000. */
import Map from "ol/Map.js";
import View from "ol/View.js";
import MVT from "ol/format/MVT.js";
import VectorTileLayer from "ol/layer/VectorTile.js";
import { defaults as controls } from "ol/control/defaults.js";
import ScaleLine from "ol/control/ScaleLine.js";
import Projection from "ol/proj/Projection.js";
import { addEquivalentProjections, fromLonLat, get as projection } from "ol/proj.js";
import VectorTileSource from "ol/source/VectorTile.js";
import { Fill, Stroke, Style } from "ol/style.js";
import TileGrid from "ol/tilegrid/TileGrid.js";
import { createXYZ } from "ol/tilegrid.js";
import "ol/ol.css";
import { describeLayers, fail, findStart, headers, LAYERS, SERVICE, showSource, tell } from "./service.js";
import source from "./openlayers.js?raw";

showSource(source);

/** CGCS2000 in degrees; for a map on a screen it is WGS 84 (they differ by less than a metre). */
const cgcs2000 = new Projection({
  code: "EPSG:4490",
  units: "degrees",
  extent: [-180, -90, 180, 90],
  axisOrientation: "neu",
  global: true,
});
addEquivalentProjections([cgcs2000, projection("EPSG:4326")]);

const ZOOMS = 20;
/** Address, tile grid and projection of each tile matrix set. */
const SETS = {
  WebMercatorQuad: {
    projection: projection("EPSG:3857"),
    tileGrid: createXYZ({ maxZoom: ZOOMS, tileSize: 256 }),
    url: (layer) => `${SERVICE}/tiles/${layer}/{z}/{x}/{y}.mvt`,
  },
  WorldCRS84Quad: {
    projection: cgcs2000,
    tileGrid: new TileGrid({
      origin: [-180, 90],
      tileSize: 256,
      resolutions: Array.from({ length: ZOOMS }, (_, z) => 180 / 256 / 2 ** z),
    }),
    url: (layer) => `${SERVICE}/collections/${layer}/tiles/WorldCRS84Quad/{z}/{y}/{x}?f=mvt`,
  },
};

const map = new Map({ target: "map", controls: controls({ attribution: false }).extend([new ScaleLine()]) });
const start = await findStart().catch((error) => (fail(error), { lon: 123, lat: 45, zoom: 7 }));
const described = await describeLayers().catch((error) => (fail(error), []));

/** A tile by fetch, so that the token can go with it; 204 is a tile without features. */
function load(tile, url) {
  tile.setLoader(async (extent, _resolution, plane) => {
    try {
      const answer = await fetch(url, { headers });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const bytes = await answer.arrayBuffer();
      const features = bytes.byteLength ? tile.getFormat().readFeatures(bytes, { extent, featureProjection: plane }) : [];
      tile.setFeatures(features);
    } catch (error) {
      tile.onError();
      fail(error);
    }
  });
}

function show(name) {
  const { projection: plane, tileGrid, url } = SETS[name];
  document.body.dataset.drawn = "0";
  const place = [start.lon, start.lat];
  const center = plane === cgcs2000 ? place : fromLonLat(place);
  // A matrix of WorldCRS84Quad has half the pixel of the same number in Web Mercator.
  const resolution = tileGrid.getResolution(plane === cgcs2000 ? start.zoom - 1 : start.zoom);
  map.setView(new View({ projection: plane, center, resolution }));
  const layers = described.map(({ id, color }) => {
    const fill = new Fill({ color: id === "districts" ? `${color}22` : `${color}aa` });
    const style = new Style({ fill, stroke: new Stroke({ color, width: 1 }) });
    const options = { format: new MVT(), projection: plane, tileGrid, tileLoadFunction: load };
    return new VectorTileLayer({ source: new VectorTileSource({ ...options, url: url(id) }), style, properties: { id } });
  });
  map.setLayers(layers);
  window.example = { map, layers, set: name };
}

map.on("rendercomplete", () => {
  const { layers, set } = window.example;
  const extent = map.getView().calculateExtent(map.getSize());
  const ids = layers
    .filter((layer) => layer.get("id") !== LAYERS[0])
    .flatMap((layer) => layer.getFeaturesInExtent(extent).map((feature) => `${layer.get("id")} ${feature.getId()}`));
  const drawn = new Set(ids).size;
  tell(`${set}：画面中有 ${drawn} 个地块 · ${drawn} parcels in view`, drawn);
});
for (const input of document.querySelectorAll("[name=set]")) {
  input.addEventListener("change", () => show(input.value));
}
show("WebMercatorQuad");
