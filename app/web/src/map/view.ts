/** The map itself: keeps MapLibre in step with the page's state, and is the screens' board. */
import { GeoJSONSource, Map as MapLibre, ScaleControl, setWorkerUrl } from "maplibre-gl";
import type { LngLatBoundsLike, MapGeoJSONFeature, MapMouseEvent, StyleSpecification } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import "maplibre-gl/dist/maplibre-gl.css";
import type { Api } from "../api/client";
import type { Store, View } from "../app/state";
import type { Board, Box, Hit, Overlay, Picture, Side } from "./board";
import { boundsOf } from "./bounds";
import { Drawing, type Sketch, type Sketches } from "./draw";
import { hitOf, type Hover, hoverOf } from "./hits";
import { LABEL_ZOOM, parcelLabels } from "./labels";
import { HANDLES, Reshaping } from "./reshape";
import { type Content, type Look, overlayOf } from "./overlay";
import { Pace } from "./pace";
import type { Base } from "./base";
import { buildStyle, emptyCollection, GROUND, isZone, type MapLayer } from "./style";
import { Swipe } from "./swipe";

export interface MapEvents {
  onHover: (hover: Hover | null) => void;
  onPointer: (at: { lng: number; lat: number } | null) => void;
  onBusy: (busy: boolean) => void;
  onError: (status: number) => void;
}

/** A served worker file: no blob: script, so the content policy stays strict. */
setWorkerUrl(workerUrl);

const CITY: LngLatBoundsLike = [[121.6, 44.2], [124.4, 46.4]];
const TOUCH_PX = 5;
const EQUATOR_M = 40_075_016.686;
const DRAWING = "drawing";
const HAND: Look = { color: "#c2371f", fill: 0.12, width: 2, by: { property: "handle", colors: HANDLES } };

/** Something that is being drawn. */
interface Work<T> {
  cancel: () => void;
  done: Promise<T | null>;
}

export class MapView implements Board {
  private readonly map: MapLibre;
  private layers: MapLayer[] = [];
  private names = emptyCollection();
  private parcels = emptyCollection();
  private selection = emptyCollection();
  private readonly overlays = new Map<string, Content>();
  private drawing: Work<unknown> | null = null;
  private themes = true;
  private under: Base | null = null;
  private sides: [Side, Side] | null = null;
  private upper: Swipe | null = null;
  private click: ((hit: Hit) => void) | null = null;
  private asOf: string | null = null;
  private dark = false;
  private extent: LngLatBoundsLike = CITY;
  private drawn = false;
  /** Whether the address, or a screen, has said where to look. */
  private placed: boolean;
  private pointing = false;

  /** Throws when the browser cannot do WebGL. */
  constructor(
    container: HTMLElement,
    private readonly api: Api,
    private readonly store: Store,
    private readonly events: MapEvents,
  ) {
    const { view } = store.get();
    this.placed = view !== null;
    this.map = new MapLibre({
      container,
      style: { version: 8, sources: {}, layers: [] },
      ...(view ? { center: [view.lon, view.lat], zoom: view.zoom } : { bounds: CITY }),
      fitBoundsOptions: { padding: 24 },
      maxZoom: 20,
      minZoom: 5,
      attributionControl: false,
      fadeDuration: 0, // labels that fade in would have the whole map drawn again and again
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      transformRequest: (url) => ({ url, headers: api.headers() }),
    });
    this.map.touchZoomRotate.disableRotation();
    new Pace(this.map);
    this.map.addControl(new ScaleControl({ maxWidth: 110 }), "bottom-left");
    this.listen();
  }

  private listen(): void {
    const { map, store, events } = this;
    map.on("moveend", () => {
      const { lng, lat } = map.getCenter();
      store.set({ view: { zoom: map.getZoom(), lat, lon: lng } });
    });
    map.on("mousemove", (event) => {
      events.onPointer(event.lngLat);
      this.point(event);
    });
    map.on("mouseout", () => {
      events.onPointer(null);
      events.onHover(null);
    });
    map.on("movestart", () => events.onHover(null));
    map.on("click", (event) => {
      if (!this.drawing) this.click?.(hitOf(this.at(event), this.layers, event.lngLat.toArray()));
    });
    map.on("dataloading", () => events.onBusy(true));
    map.on("idle", () => {
      if (this.drawn) events.onBusy(false);
      this.labelParcels();
    });
    map.on("error", ({ error }) => events.onError((error as { status?: number }).status ?? 0));
    store.on(["view"], ({ view }) => {
      if (view && !this.isAt(view)) map.jumpTo({ center: [view.lon, view.lat], zoom: view.zoom });
    });
  }

  private isAt(view: View): boolean {
    const { lng, lat } = this.map.getCenter();
    const near = (a: number, b: number, by: number): boolean => Math.abs(a - b) < by;
    return near(lng, view.lon, 1e-4) && near(lat, view.lat, 1e-4) && near(this.map.getZoom(), view.zoom, 0.02);
  }

  setLayers(layers: MapLayer[], asOf: string | null): void {
    this.layers = layers;
    this.asOf = asOf;
    const boxes = layers
      .map(({ collection }) => collection.extent?.spatial?.bbox?.[0])
      .filter((box): box is number[] => box?.length === 4);
    if (boxes.length) {
      const edge = (index: number, pick: (...values: number[]) => number): number =>
        pick(...boxes.map((box) => box[index] ?? 0));
      this.extent = [
        [edge(0, Math.min), edge(1, Math.min)],
        [edge(2, Math.max), edge(3, Math.max)],
      ];
    }
    const first = !this.drawn && !this.placed;
    this.drawn = true;
    this.redraw();
    if (first) this.map.fitBounds(this.extent, { padding: 32, animate: false });
  }

  setNames(names: GeoJSON.FeatureCollection): void {
    this.names = names;
    this.redraw();
  }

  setDark(dark: boolean): void {
    this.dark = dark;
    this.redraw();
  }

  base(base: Base | null): void {
    this.under = base;
    this.redraw();
  }

  zoomBy(steps: number): void {
    this.map.easeTo({ zoom: this.map.getZoom() + steps, duration: 200 });
  }

  zoomInAt(at: [number, number]): void {
    this.map.easeTo({ center: at, zoom: this.map.getZoom() + 2.5 });
  }

  /** The room of the map has changed. */
  resized(): void {
    this.map.stop(); // a movement that goes on would end where the old middle was
    this.map.resize();
  }

  cover(sheet: HTMLElement | null): void {
    const height = this.map.getContainer().offsetHeight;
    const bottom = Math.min(sheet?.offsetHeight ?? 0, height * 0.6);
    if (bottom === this.map.getPadding().bottom) return;
    const padding = { top: 0, left: 0, right: 0, bottom };
    if (this.drawn) this.map.easeTo({ padding, duration: 250 });
    else this.map.jumpTo({ padding });
  }

  overlay(name: string): Overlay {
    const put = (content: Content): void => {
      this.overlays.set(name, content);
      this.redraw();
    };
    return {
      shapes: (shapes, look) => put({ shapes, look }),
      raster: (raster) => put({ raster }),
      remove: () => {
        if (this.overlays.delete(name)) this.redraw();
      },
    };
  }

  fit(what: GeoJSON.Geometry | GeoJSON.FeatureCollection | Box | null): void {
    if (what === null) return void this.map.fitBounds(this.extent, { padding: 32 });
    const box = Array.isArray(what) ? what : boundsOf(what);
    this.placed = true;
    if (box[0] <= box[2]) this.map.fitBounds(box, { padding: 64, maxZoom: 16 });
  }

  bounds(): Box {
    return this.map.getBounds().toArray().flat() as Box;
  }

  onClick(run: ((hit: Hit) => void) | null): void {
    this.click = run;
  }

  highlight(geometry: GeoJSON.Geometry | null): void {
    this.selection = geometry
      ? { type: "FeatureCollection", features: [{ type: "Feature", properties: {}, geometry }] }
      : emptyCollection();
    this.redraw();
  }

  thematic(shown: boolean): void {
    if (this.themes === shown) return;
    this.themes = shown;
    this.redraw();
  }

  draw<K extends Sketch>(kind: K, changed: (corners: [number, number][]) => void = () => undefined): Promise<Sketches[K] | null> {
    return this.work((show) => new Drawing(this.map, kind, show, changed));
  }

  reshape<G extends GeoJSON.Geometry>(shape: G, changed: (shape: G) => void = () => undefined): Promise<G | null> {
    return this.work((show) => new Reshaping(this.map, shape, show, changed));
  }

  /** One hand on the map at a time. */
  private work<T>(begin: (show: (shapes: GeoJSON.FeatureCollection) => void) => Work<T>): Promise<T | null> {
    this.drawing?.cancel();
    const overlay = this.overlay(DRAWING);
    const mine = begin((shapes) => overlay.shapes(shapes, HAND));
    this.drawing = mine;
    void mine.done.then(() => {
      if (this.drawing !== mine) return;
      this.drawing = null;
      overlay.remove();
    });
    return mine.done;
  }

  swipe(sides: [Side, Side] | null): void {
    this.sides = sides;
    if (!sides) {
      this.upper?.remove();
      this.upper = null;
    }
    this.redraw();
  }

  picture(): Promise<Picture> {
    const { map } = this;
    return new Promise((resolve) => {
      // The buffer holds the picture only while it is drawn.
      map.once("render", () => {
        const source = map.getCanvas();
        const canvas = document.createElement("canvas");
        canvas.width = source.width;
        canvas.height = source.height;
        canvas.getContext("2d")?.drawImage(source, 0, 0);
        const metresPerPixel = (EQUATOR_M * Math.cos((map.getCenter().lat * Math.PI) / 180)) / (512 * 2 ** map.getZoom());
        resolve({ canvas, width: source.clientWidth, height: source.clientHeight, metresPerPixel });
      });
      map.triggerRepaint();
    });
  }

  clear(): void {
    this.drawing?.cancel();
    if (this.sides) this.swipe(null);
    if (this.map.getPadding().bottom) this.map.jumpTo({ padding: { top: 0, left: 0, right: 0, bottom: 0 } });
    this.overlays.clear();
    this.click = null;
    this.themes = true;
    this.highlight(null);
  }

  /** Sets the names of the parcels in view when they differ from those shown. */
  private labelParcels(): void {
    const near = this.map.getZoom() >= LABEL_ZOOM;
    const features = near ? this.layers.flatMap((layer) => this.labelsOf(layer)) : [];
    const source = this.map.getSource("names:parcels");
    if (!(source instanceof GeoJSONSource)) return;
    const next: GeoJSON.FeatureCollection = { type: "FeatureCollection", features };
    if (JSON.stringify(next) === JSON.stringify(this.parcels)) return;
    this.parcels = next;
    void source.setData(next);
  }

  private labelsOf({ collection, visible }: MapLayer): GeoJSON.Feature[] {
    const { id, liangtian: info } = collection;
    const shown = visible && this.themes;
    if (!shown || !info.label || info.geometry !== "MultiPolygon" || isZone(collection)) return [];
    if (!this.map.getSource(id)) return [];
    return parcelLabels(id, info.label, this.map.querySourceFeatures(id, { sourceLayer: id }));
  }

  private redraw(): void {
    if (!this.drawn) return;
    const [left, right] = this.sides ?? [];
    this.map.setStyle(this.style(right), { diff: true });
    if (!left || !right) return;
    const style = this.style(left);
    this.upper ??= new Swipe(this.map, this.map.getContainer(), style, () => this.api.headers());
    this.upper.show(style, left.label, right.label);
  }

  /** The style of the map, or of one side of it. */
  private style(side: Side | undefined): StyleSpecification {
    const { layers, dark, names, parcels, selection, under: base } = this;
    const overlays = new Map(this.overlays);
    if (side?.raster) overlays.set("side", { raster: side.raster });
    return buildStyle({
      layers, dark, names, parcels, selection, overlays, base,
      asOf: side?.asOf === undefined ? this.asOf : side.asOf,
      thematic: this.themes && !side?.raster,
      origin: location.origin,
    });
  }

  /** The pointer's shape, asked for at most once a frame. */
  private point(event: MapMouseEvent): void {
    if (this.pointing || this.drawing || this.map.isMoving()) return;
    this.pointing = true;
    requestAnimationFrame(() => {
      this.pointing = false;
      if (this.drawing) return;
      const [first] = this.at(event);
      this.map.getCanvas().style.cursor = first ? "pointer" : "";
      this.events.onHover(first ? hoverOf(first, this.layers, event.point) : null);
    });
  }

  private at({ point: { x, y } }: MapMouseEvent): MapGeoJSONFeature[] {
    if (!this.drawn) return [];
    const ids = this.map
      .getLayersOrder()
      .filter((id) => /:(fill|line|point)$/.test(id))
      .filter((id) => {
        const source = this.map.getLayer(id)?.source ?? "";
        if (overlayOf(source) !== null) return overlayOf(source) !== DRAWING;
        return source !== GROUND && this.layers.some(({ collection }) => collection.id === source);
      });
    if (!ids.length) return [];
    const exact = this.map.queryRenderedFeatures([x, y], { layers: ids });
    if (exact.length) return exact;
    const box: [[number, number], [number, number]] = [
      [x - TOUCH_PX, y - TOUCH_PX],
      [x + TOUCH_PX, y + TOUCH_PX],
    ];
    return this.map.queryRenderedFeatures(box, { layers: ids });
  }
}
