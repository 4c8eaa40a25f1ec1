/** The map itself: keeps MapLibre in step with the page's state. */
import { GeoJSONSource, Map as MapLibre, ScaleControl, setWorkerUrl } from "maplibre-gl";
import type { LngLatBoundsLike, MapGeoJSONFeature, MapMouseEvent } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import "maplibre-gl/dist/maplibre-gl.css";
import type { Api } from "../api";
import type { FeatureRef, Store, View } from "../state";
import { countText, isAggregate, sizeText } from "./aggregate";
import { LABEL_ZOOM, parcelLabels } from "./labels";
import type { ClassColor } from "./palette";
import { buildStyle, emptyCollection, GROUND, isZone, type MapLayer } from "./style";

/** A cell of a tile in which features are too small to draw: sums in place of features. */
export interface Aggregate {
  layer: string;
  properties: Record<string, unknown>;
  /** The layer's classes, in whose order the parts of the sum are told. */
  classes: ClassColor[];
  at: [number, number];
}

export interface Hit {
  features: FeatureRef[];
  aggregate: Aggregate | null;
}

export interface Hover {
  title: string;
  note: string;
  /** Pixels from the corner of the map. */
  at: { x: number; y: number };
}

export interface MapEvents {
  onHover: (hover: Hover | null) => void;
  onHit: (hit: Hit) => void;
  onPointer: (at: { lng: number; lat: number } | null) => void;
  onBusy: (busy: boolean) => void;
  onError: (status: number) => void;
}

/** A served worker file: no blob: script, so the content policy stays strict. */
setWorkerUrl(workerUrl);

const CITY: LngLatBoundsLike = [[121.6, 44.2], [124.4, 46.4]];
const TOUCH_PX = 5;

export class MapView {
  private readonly map: MapLibre;
  private layers: MapLayer[] = [];
  private names = emptyCollection();
  private parcels = emptyCollection();
  private selection = emptyCollection();
  private dark = false;
  private extent: LngLatBoundsLike = CITY;
  private drawn = false;
  /** Whether the address said where to look. */
  private readonly placed: boolean;
  private pointing = false;

  /** Throws when the browser cannot do WebGL. */
  constructor(
    container: HTMLElement,
    api: Api,
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
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      transformRequest: (url) => ({ url, headers: api.headers() }),
    });
    this.map.touchZoomRotate.disableRotation();
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
    map.on("click", (event) => events.onHit(this.hit(event)));
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

  setLayers(layers: MapLayer[]): void {
    this.layers = layers;
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
    this.draw();
    if (first) this.map.fitBounds(this.extent, { padding: 32, animate: false });
  }

  setNames(names: GeoJSON.FeatureCollection): void {
    this.names = names;
    this.draw();
  }

  setDark(dark: boolean): void {
    this.dark = dark;
    this.draw();
  }

  select(geometry: GeoJSON.Geometry | null): void {
    this.selection = geometry
      ? { type: "FeatureCollection", features: [{ type: "Feature", properties: {}, geometry }] }
      : emptyCollection();
    this.draw();
  }

  home(): void {
    this.map.fitBounds(this.extent, { padding: 32 });
  }

  zoomBy(steps: number): void {
    this.map.easeTo({ zoom: this.map.getZoom() + steps, duration: 200 });
  }

  zoomTo(bounds: [number, number, number, number]): void {
    this.map.fitBounds(bounds, { padding: 64, maxZoom: 16 });
  }

  zoomInAt(at: [number, number]): void {
    this.map.easeTo({ center: at, zoom: this.map.getZoom() + 2.5 });
  }

  /** Keeps the middle of the map clear of a sheet that covers its lower part (pixels). */
  cover(bottom: number): void {
    this.map.resize();
    const padding = { top: 0, left: 0, right: 0, bottom };
    if (this.drawn) this.map.easeTo({ padding, duration: 250 });
    else this.map.jumpTo({ padding });
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
    if (!visible || !info.label || info.geometry !== "MultiPolygon" || isZone(collection)) return [];
    if (!this.map.getSource(id)) return [];
    return parcelLabels(id, info.label, this.map.querySourceFeatures(id, { sourceLayer: id }));
  }

  private draw(): void {
    if (!this.drawn) return;
    const { layers, dark, names, parcels, selection } = this;
    this.map.setStyle(buildStyle({ layers, dark, names, parcels, selection, origin: location.origin }), { diff: true });
  }

  /** The pointer's shape, asked for at most once a frame. */
  private point(event: MapMouseEvent): void {
    if (this.pointing || this.map.isMoving()) return;
    this.pointing = true;
    requestAnimationFrame(() => {
      this.pointing = false;
      const [first] = this.at(event);
      this.map.getCanvas().style.cursor = first ? "pointer" : "";
      this.events.onHover(first ? this.hover(first, event) : null);
    });
  }

  private hover({ id, source, properties }: MapGeoJSONFeature, { point }: MapMouseEvent): Hover | null {
    const layer = this.layers.find(({ collection }) => collection.id === source);
    if (!layer) return null;
    const { title, liangtian: info } = layer.collection;
    if (isAggregate(properties)) {
      const note = [title, sizeText(properties)].filter(Boolean).join(" · ");
      return { title: countText(properties), note, at: point };
    }
    if (typeof id !== "number") return null;
    const name: unknown = properties[info.label ?? ""];
    const code = String(properties[info.style.by ?? ""] ?? "");
    const known = layer.classes.find((one) => one.code === code)?.title;
    return {
      title: name === undefined || name === "" ? `#${id}` : String(name),
      note: known ? `${title} · ${known}` : title,
      at: point,
    };
  }

  private at({ point: { x, y } }: MapMouseEvent): MapGeoJSONFeature[] {
    if (!this.drawn) return [];
    const ids = this.layers
      .filter(({ collection, visible }) => visible && collection.id !== GROUND)
      .flatMap(({ collection }) => ["fill", "line", "point"].map((kind) => `${collection.id}:${kind}`))
      .filter((id) => this.map.getLayer(id));
    if (!ids.length) return [];
    const exact = this.map.queryRenderedFeatures([x, y], { layers: ids });
    if (exact.length) return exact;
    const box: [[number, number], [number, number]] = [
      [x - TOUCH_PX, y - TOUCH_PX],
      [x + TOUCH_PX, y + TOUCH_PX],
    ];
    return this.map.queryRenderedFeatures(box, { layers: ids });
  }

  private hit(event: MapMouseEvent): Hit {
    const seen = new Map<string, FeatureRef>();
    let aggregate: Aggregate | null = null;
    for (const { id, source, properties } of this.at(event)) {
      if (typeof id === "number") seen.set(`${source}/${id}`, { layer: source, fid: id });
      else if (isAggregate(properties)) {
        const classes = this.layers.find(({ collection }) => collection.id === source)?.classes ?? [];
        aggregate ??= { layer: source, properties, classes, at: [event.lngLat.lng, event.lngLat.lat] };
      }
    }
    return { features: [...seen.values()], aggregate };
  }
}
