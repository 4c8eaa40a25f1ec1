/** Drawing a shape on the map: with the pointer, or with the keyboard at the middle of the map. */
import type { Map as MapLibre, MapMouseEvent } from "maplibre-gl";
import { append, h } from "../ui/dom";
import { language, t } from "../i18n";
import { button } from "../ui/button";
import { area } from "../ui/format";
import { roughArea } from "./rough";

type Corner = [number, number];

/** What can be drawn, by its kind. */
export interface Sketches {
  Point: GeoJSON.Point;
  LineString: GeoJSON.LineString;
  Polygon: GeoJSON.Polygon;
}
export type Sketch = keyof Sketches;

/** Corners that a shape has at least. */
const LEAST: Record<Sketch, number> = { Point: 1, LineString: 2, Polygon: 3 };

const NEAR_PX = 10;

export class Drawing<K extends Sketch = Sketch> {
  private readonly corners: Corner[] = [];
  private pointer: Corner | null = null;
  private readonly bar = h("div", { class: "draw-bar", role: "group", "aria-label": t("draw.title") });
  private readonly hint = h("p", { class: "draw-hint", role: "status" });
  private readonly cross = h("div", { class: "draw-cross", "aria-hidden": "true" });
  private end: (shape: Sketches[K] | null) => void = () => undefined;
  readonly done: Promise<Sketches[K] | null>;

  constructor(
    private readonly map: MapLibre,
    private readonly kind: K,
    private readonly show: (shapes: GeoJSON.FeatureCollection) => void,
    private readonly changed: (corners: Corner[]) => void,
  ) {
    this.done = new Promise((resolve) => {
      this.end = (shape) => {
        this.stop();
        resolve(shape);
      };
    });
    append(this.bar, [
      this.hint,
      ...(kind === "Point" ? [] : [button(t("draw.undo"), () => this.back(), "quiet"), button(t("draw.finish"), () => this.finish(), "primary")]),
      button(t("draw.cancel"), () => this.cancel(), "quiet"),
    ]);
    map.getContainer().append(this.cross, this.bar);
    map.on("click", this.click);
    map.on("mousemove", this.move);
    map.on("dblclick", this.twice);
    map.doubleClickZoom.disable();
    map.getCanvasContainer().addEventListener("keydown", this.key);
    map.getCanvas().style.cursor = "crosshair";
    map.getCanvas().focus();
    this.update();
  }

  cancel(): void {
    this.end(null);
  }

  private readonly click = ({ lngLat, point }: MapMouseEvent): void => {
    const [first] = this.corners;
    if (this.kind === "Polygon" && first && this.corners.length >= 3 && this.map.project(first).dist(point) < NEAR_PX) return this.finish();
    this.add([lngLat.lng, lngLat.lat]);
  };

  private readonly move = ({ lngLat }: MapMouseEvent): void => {
    this.pointer = [lngLat.lng, lngLat.lat];
    this.update();
  };

  private readonly twice = (event: MapMouseEvent): void => {
    event.preventDefault();
    // The second click of the two has set the same corner again.
    this.corners.pop();
    this.finish();
  };

  private readonly key = (event: KeyboardEvent): void => {
    if (event.key === "Escape") this.cancel();
    else if (event.key === "Backspace") this.back();
    else if (event.key === "Enter" && event.ctrlKey) this.finish();
    else if (event.key === "Enter") {
      const { lng, lat } = this.map.getCenter();
      this.add([lng, lat]);
    } else return;
    event.preventDefault();
  };

  private add(corner: Corner): void {
    this.corners.push(corner);
    this.changed([...this.corners]);
    if (this.kind === "Point") this.finish();
    else this.update();
  }

  private back(): void {
    this.corners.pop();
    this.changed([...this.corners]);
    this.update();
  }

  private finish(): void {
    const [first] = this.corners;
    if (!first || this.corners.length < LEAST[this.kind]) {
      this.hint.textContent = t(this.kind === "Polygon" ? "draw.more" : "draw.more.line");
      return;
    }
    const coordinates = { Point: first, LineString: this.corners, Polygon: [[...this.corners, first]] }[this.kind];
    this.end({ type: this.kind, coordinates } as unknown as Sketches[K]);
  }

  private update(): void {
    this.hint.textContent = this.said();
    const line = [...this.corners, ...(this.pointer && this.kind !== "Point" ? [this.pointer] : [])];
    const [first] = line;
    const features: GeoJSON.Feature[] = this.corners.map((at) => feature({ type: "Point", coordinates: at }));
    if (this.kind === "Polygon" && line.length > 2 && first) features.unshift(feature({ type: "Polygon", coordinates: [[...line, first]] }));
    else if (line.length > 1) features.unshift(feature({ type: "LineString", coordinates: line }));
    this.show({ type: "FeatureCollection", features });
  }

  private said(): string {
    if (this.kind === "Point") return t("draw.hint.point");
    if (this.kind === "LineString") return t("draw.hint.line");
    if (this.corners.length < 3) return t("draw.hint");
    return `${t("draw.area", { area: this.area() })} · ${t("draw.close")}`;
  }

  /** About how much it is; the service counts it exactly. */
  private area(): string {
    return area(roughArea([this.corners]), "mu", language());
  }

  private stop(): void {
    const { map } = this;
    map.off("click", this.click);
    map.off("mousemove", this.move);
    map.off("dblclick", this.twice);
    map.getCanvasContainer().removeEventListener("keydown", this.key);
    map.getCanvas().style.cursor = "";
    // A double click that ended the drawing must not zoom as well.
    setTimeout(() => map.doubleClickZoom.enable(), 300);
    this.bar.remove();
    this.cross.remove();
    this.show({ type: "FeatureCollection", features: [] });
  }
}

function feature(geometry: GeoJSON.Geometry): GeoJSON.Feature {
  return { type: "Feature", properties: {}, geometry };
}
