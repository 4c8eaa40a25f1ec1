/**
 * Moving, adding and removing the corners of a shape, by pointer, finger or keyboard. Holes and
 * parts are corners like all others, which the usual drawing libraries refuse.
 */
import type { Map as MapLibre, MapMouseEvent, MapTouchEvent, Subscription } from "maplibre-gl";
import { language, t } from "../i18n";
import { button } from "../ui/button";
import { append, h } from "../ui/dom";
import { area } from "../ui/format";
import { roughArea } from "./rough";

type Corner = [number, number];
type Hand = MapMouseEvent | MapTouchEvent;

/** Colours of corners, of the middles of edges, and of the corner that is held. */
export const HANDLES = { corner: "#c2371f", middle: "#e8b4a6", held: "#1d4ed8" };
const NEAR_PX = 14;
const FINGER_PX = 24;
/** More handles than this cannot be told apart: one has to zoom in. */
const MOST_HANDLES = 400;
const STEPS: Record<string, Corner> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The corners of a line or a ring; a ring is kept without its closing one. */
interface Path {
  corners: Corner[];
  closed: boolean;
}
interface Place {
  path: number;
  at: number;
}

export class Reshaping<G extends GeoJSON.Geometry> {
  private paths: Path[];
  private readonly earlier: Path[][] = [];
  private held: Place | null = null;
  private dragging = false;
  private readonly listening: Subscription[];
  private readonly bar = h("div", { class: "draw-bar", role: "group", "aria-label": t("reshape.title") });
  private readonly hint = h("p", { class: "draw-hint", role: "status" });
  private readonly removal = button(t("reshape.remove"), () => this.remove(), "quiet");
  private readonly undoing = button(t("draw.undo"), () => this.undo(), "quiet");
  private end: (shape: G | null) => void = () => undefined;
  readonly done: Promise<G | null>;

  constructor(
    private readonly map: MapLibre,
    private readonly shape: G,
    private readonly show: (shapes: GeoJSON.FeatureCollection) => void,
    private readonly changed: (shape: G) => void,
  ) {
    this.paths = pathsOf(shape);
    this.done = new Promise((resolve) => {
      this.end = (found) => {
        this.stop();
        resolve(found);
      };
    });
    append(this.bar, [
      this.hint, this.undoing, this.removal,
      button(t("draw.finish"), () => this.end(this.result()), "primary"),
      button(t("draw.cancel"), () => this.cancel(), "quiet"),
    ]);
    map.getContainer().append(this.bar);
    this.listening = [
      map.on("mousedown", this.grasp), map.on("touchstart", this.grasp),
      map.on("mousemove", this.drag), map.on("touchmove", this.drag),
      map.on("mouseup", this.release), map.on("touchend", this.release),
      map.on("moveend", this.update),
    ];
    map.doubleClickZoom.disable();
    map.getCanvasContainer().addEventListener("keydown", this.key, true);
    map.getCanvas().focus();
    this.update();
  }

  cancel(): void {
    this.end(null);
  }

  /** Takes the corner under the pointer, or makes one of the middle of an edge. */
  private readonly grasp = (event: Hand): void => {
    const reach = event.type === "touchstart" ? FINGER_PX : NEAR_PX;
    const near = (corners: { place: Place; corner: Corner }[]): Place | null => {
      let [best, least]: [Place | null, number] = [null, reach];
      for (const { place, corner } of corners) {
        const distance = this.map.project(corner).dist(event.point);
        if (distance < least) [best, least] = [place, distance];
      }
      return best;
    };
    const place = near(this.corners());
    const middle = place ? null : near(this.middles());
    if (!place && !middle) return;
    event.preventDefault(); // the map stays where it is
    this.keep();
    if (middle) this.path(middle).corners.splice(middle.at, 0, event.lngLat.toArray() as Corner);
    this.held = place ?? middle;
    this.dragging = true;
    this.update();
  };

  private readonly drag = (event: Hand): void => {
    if (!this.dragging || !this.held) return;
    event.preventDefault();
    this.path(this.held).corners[this.held.at] = event.lngLat.toArray() as Corner;
    this.update();
  };

  private readonly release = (): void => {
    if (!this.dragging) return;
    this.dragging = false;
    this.changed(this.result());
  };

  private readonly key = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (event.key === "Escape") this.cancel();
    else if (event.key === "Enter") this.end(this.result());
    else if (event.key === "Delete" || event.key === "Backspace") this.remove();
    else if (event.key === "PageDown" || event.key === "PageUp") this.next(event.key === "PageDown" ? 1 : -1);
    else if (step && this.held) this.nudge(step, event.shiftKey ? 10 : 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  /** The next corner, for those who use the keyboard. */
  private next(by: number): void {
    const all = this.corners();
    const now = all.findIndex(({ place }) => place.path === this.held?.path && place.at === this.held.at);
    this.held = all[(now + by + all.length) % all.length]?.place ?? null;
    this.update();
  }

  private nudge([x, y]: Corner, pixels: number): void {
    const place = this.held;
    const corner = place && this.path(place).corners[place.at];
    if (!place || !corner) return;
    this.keep();
    const at = this.map.project(corner);
    this.path(place).corners[place.at] = this.map.unproject([at.x + x * pixels, at.y + y * pixels]).toArray() as Corner;
    this.update();
    this.changed(this.result());
  }

  private remove(): void {
    const place = this.held;
    if (!place) return;
    const path = this.path(place);
    if (path.corners.length <= (path.closed ? 3 : this.shape.type.endsWith("Point") ? 1 : 2)) {
      this.hint.textContent = t("reshape.few");
      return;
    }
    this.keep();
    path.corners.splice(place.at, 1);
    this.held = null;
    this.update();
    this.changed(this.result());
  }

  private keep(): void {
    this.earlier.push(this.paths.map(({ corners, closed }) => ({ corners: [...corners], closed })));
    if (this.earlier.length > 200) this.earlier.shift();
  }

  private undo(): void {
    const before = this.earlier.pop();
    if (!before) return;
    this.paths = before;
    this.held = null;
    this.update();
    this.changed(this.result());
  }

  private path({ path }: Place): Path {
    return this.paths[path] as Path;
  }

  private corners(): { place: Place; corner: Corner }[] {
    return this.paths.flatMap(({ corners }, path) => corners.map((corner, at) => ({ place: { path, at }, corner })));
  }

  /** Middles of edges; their place is where a corner would come. */
  private middles(): { place: Place; corner: Corner }[] {
    return this.paths.flatMap(({ corners, closed }, path) =>
      corners.flatMap(([x, y], index) => {
        const following = corners[index + 1] ?? (closed ? corners[0] : undefined);
        if (!following || corners.length < 2) return [];
        return [{ place: { path, at: index + 1 }, corner: [(x + following[0]) / 2, (y + following[1]) / 2] as Corner }];
      }),
    );
  }

  private result(): G {
    return shapeOf(this.shape, this.paths);
  }

  private readonly update = (): void => {
    const shape = this.result();
    const box = this.map.getBounds();
    const seen = <T extends { corner: Corner }>(some: T[]): T[] => some.filter(({ corner }) => box.contains(corner));
    const corners = seen(this.corners());
    const crowded = corners.length > MOST_HANDLES;
    const handle = (kind: keyof typeof HANDLES, at: Corner): GeoJSON.Feature => ({
      type: "Feature", properties: { handle: kind }, geometry: { type: "Point", coordinates: at },
    });
    const isHeld = ({ path, at }: Place): boolean => path === this.held?.path && at === this.held.at;
    const handles = crowded ? [] : [
      ...seen(this.middles()).map(({ corner }) => handle("middle", corner)),
      ...corners.map(({ place, corner }) => handle(isHeld(place) ? "held" : "corner", corner)),
    ];
    const itself: GeoJSON.Feature[] = shape.type === "Point" ? [] : [{ type: "Feature", properties: {}, geometry: shape }];
    this.show({ type: "FeatureCollection", features: [...itself, ...handles] });
    this.removal.disabled = this.held === null;
    this.undoing.disabled = this.earlier.length === 0;
    this.hint.textContent = [crowded ? t("reshape.crowded") : t("reshape.hint"), this.size(shape)].filter(Boolean).join(" · ");
  };

  private size(shape: GeoJSON.Geometry): string {
    const polygons = shape.type === "Polygon" ? [shape.coordinates] : shape.type === "MultiPolygon" ? shape.coordinates : [];
    if (!polygons.length) return "";
    const m2 = polygons.reduce((sum, rings) => sum + roughArea(rings.map((ring) => ring.slice(0, -1))), 0);
    return t("draw.area", { area: area(m2, "mu", language()) });
  }

  private stop(): void {
    const { map } = this;
    for (const one of this.listening) one.unsubscribe();
    map.getCanvasContainer().removeEventListener("keydown", this.key, true);
    map.doubleClickZoom.enable();
    this.bar.remove();
    this.show({ type: "FeatureCollection", features: [] });
  }
}

function isCorner(value: unknown): value is Corner {
  return Array.isArray(value) && typeof value[0] === "number";
}

/** The corners of a shape, path by path, in the order in which it writes them. */
export function pathsOf(shape: GeoJSON.Geometry): Path[] {
  if (shape.type === "GeometryCollection") return [];
  const closed = shape.type.endsWith("Polygon");
  const walk = (part: unknown): Path[] => {
    if (isCorner(part)) return [{ corners: [[part[0], part[1]]], closed: false }];
    if (!Array.isArray(part)) return [];
    if (part.length && part.every(isCorner) && shape.type !== "MultiPoint") {
      const corners = (closed ? part.slice(0, -1) : part).map(([x, y]): Corner => [x, y]);
      return [{ corners, closed }];
    }
    return part.flatMap(walk);
  };
  return walk(shape.coordinates);
}

/** The same shape with other corners; `paths` as `pathsOf` gave them. */
export function shapeOf<G extends GeoJSON.Geometry>(shape: G, paths: readonly Path[]): G {
  if (shape.type === "GeometryCollection") return shape;
  let next = 0;
  const walk = (part: unknown): unknown => {
    if (isCorner(part)) return paths[next++]?.corners[0];
    if (!Array.isArray(part)) return part;
    if (part.length && part.every(isCorner) && shape.type !== "MultiPoint") {
      const { corners = [], closed = false } = paths[next++] ?? {};
      return closed ? [...corners, corners[0]] : [...corners];
    }
    return part.map(walk);
  };
  return { ...shape, coordinates: walk(shape.coordinates) } as G;
}
