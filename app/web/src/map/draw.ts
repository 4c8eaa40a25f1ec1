/** Drawing a polygon on the map: with the pointer, or with the keyboard at the middle of the map. */
import type { Map as MapLibre, MapMouseEvent } from "maplibre-gl";
import { append, h } from "../ui/dom";
import { language, t } from "../i18n";
import { button } from "../ui/button";
import { area } from "../ui/format";
import { ringArea } from "./names";

type Corner = [number, number];

const NEAR_PX = 10;
const METRES_A_DEGREE = 111_320;

export class Drawing {
  private readonly corners: Corner[] = [];
  private pointer: Corner | null = null;
  private readonly bar = h("div", { class: "draw-bar", role: "group", "aria-label": t("draw.title") });
  private readonly hint = h("p", { class: "draw-hint", role: "status" });
  private readonly cross = h("div", { class: "draw-cross", "aria-hidden": "true" });
  private end: (polygon: GeoJSON.Polygon | null) => void = () => undefined;
  readonly done: Promise<GeoJSON.Polygon | null>;

  constructor(
    private readonly map: MapLibre,
    private readonly show: (shapes: GeoJSON.FeatureCollection) => void,
    private readonly changed: (corners: Corner[]) => void,
  ) {
    this.done = new Promise((resolve) => {
      this.end = (polygon) => {
        this.stop();
        resolve(polygon);
      };
    });
    append(this.bar, [
      this.hint,
      button(t("draw.undo"), () => this.back(), "quiet"),
      button(t("draw.finish"), () => this.finish(), "primary"),
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
    if (first && this.corners.length >= 3 && this.map.project(first).dist(point) < NEAR_PX) return this.finish();
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
    this.update();
  }

  private back(): void {
    this.corners.pop();
    this.changed([...this.corners]);
    this.update();
  }

  private finish(): void {
    const [first] = this.corners;
    if (!first || this.corners.length < 3) {
      this.hint.textContent = t("draw.more");
      return;
    }
    this.end({ type: "Polygon", coordinates: [[...this.corners, first]] });
  }

  private update(): void {
    const few = this.corners.length < 3;
    this.hint.textContent = few ? t("draw.hint") : `${t("draw.area", { area: this.area() })} · ${t("draw.close")}`;
    const line = [...this.corners, ...(this.pointer ? [this.pointer] : [])];
    const [first] = line;
    const features: GeoJSON.Feature[] = this.corners.map((at) => feature({ type: "Point", coordinates: at }));
    if (line.length > 2 && first) features.unshift(feature({ type: "Polygon", coordinates: [[...line, first]] }));
    else if (line.length === 2) features.unshift(feature({ type: "LineString", coordinates: line }));
    this.show({ type: "FeatureCollection", features });
  }

  /** About how much it is; the service counts it exactly. */
  private area(): string {
    const middle = this.corners.reduce((sum, [, lat]) => sum + lat, 0) / this.corners.length;
    const squareDegree = METRES_A_DEGREE ** 2 * Math.cos((middle * Math.PI) / 180);
    return area((Math.abs(ringArea(this.corners)) / 2) * squareDegree, "mu", language());
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
