/**
 * Keeps the map smooth where the machine draws slowly: while it moves and frames come late, it is
 * drawn with fewer pixels; as soon as it rests, sharp again. On a quick machine nothing changes.
 */
import type { Map as MapLibre } from "maplibre-gl";

/** Later than this a frame is felt, ms. */
const LATE_MS = 40;
const LATE_FRAMES = 3;
/** Part of the screen's own pixels along each side. */
const COARSE = 0.5;
/** How long the map rests before it is drawn sharp: a pause between two drags is no rest. */
const REST_MS = 160;

export class Pace {
  private late = 0;
  private before = 0;
  private coarse = false;
  private rest = 0;

  constructor(private readonly map: MapLibre) {
    map.on("movestart", () => {
      window.clearTimeout(this.rest);
      this.before = 0;
      this.late = 0;
    });
    map.on("render", () => this.frame());
    map.on("moveend", () => {
      window.clearTimeout(this.rest);
      this.rest = window.setTimeout(() => this.draw(false), REST_MS);
    });
  }

  private frame(): void {
    if (this.coarse || !this.map.isMoving()) return;
    const now = performance.now();
    if (this.before && now - this.before > LATE_MS) this.late += 1;
    this.before = now;
    if (this.late >= LATE_FRAMES) this.draw(true);
  }

  private draw(coarse: boolean): void {
    if (coarse === this.coarse) return;
    this.coarse = coarse;
    // A change of pixels resizes the canvas, which must not happen inside a frame.
    requestAnimationFrame(() => this.map.setPixelRatio(window.devicePixelRatio * (this.coarse ? COARSE : 1)));
  }
}
