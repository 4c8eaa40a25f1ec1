/** The map in its frame: the canvas, its buttons, and what is said over it. */
import type { Api } from "../api/client";
import type { Store } from "../app/state";
import { t } from "../i18n";
import { append, fill, h } from "../ui/dom";
import { message } from "../ui/states";
import { mapButtons, showHover, showPosition } from "./controls";
import { MapView } from "./view";

/** The mark of the first map; tests/bench/bench_page.py reads it. */
const DRAWN = "map-drawn";

export class MapFrame {
  private readonly canvas = h("div", { class: "map-canvas" });
  private readonly busy = h("div", { class: "map-busy", role: "status" });
  private readonly buttons = h("div", { class: "map-buttons" });
  private readonly position = h("div", { class: "map-position" });
  private readonly hover = h("div", { class: "map-hover", "aria-hidden": "true", hidden: true });
  readonly view: MapView | null;

  constructor(root: HTMLElement, api: Api, store: Store, failed: (status: number) => void) {
    append(root, [this.canvas, this.busy, this.buttons, this.position, this.hover]);
    this.view = this.start(root, api, store, failed);
    this.buttons.hidden = this.view === null;
  }

  private start(root: HTMLElement, api: Api, store: Store, failed: (status: number) => void): MapView | null {
    try {
      return new MapView(this.canvas, api, store, {
        onHover: (hover) => showHover(this.hover, hover),
        onPointer: (at) => showPosition(this.position, at),
        onBusy: (busy) => {
          this.busy.classList.toggle("on", busy);
          root.dataset.state = busy ? "busy" : "ready";
          if (!busy && !performance.getEntriesByName(DRAWN).length) performance.mark(DRAWN);
        },
        onError: failed,
      });
    } catch {
      fill(this.canvas, message(t("map.failed"), t("map.failed.hint")));
      return null;
    }
  }

  /** In the language of the page. */
  texts(): void {
    const { view } = this;
    this.busy.setAttribute("aria-label", t("map.loading"));
    this.canvas.querySelector("canvas")?.setAttribute("aria-label", t("map.label"));
    mapButtons(this.buttons, {
      zoomIn: () => view?.zoomBy(1),
      zoomOut: () => view?.zoomBy(-1),
      home: () => view?.fit(null),
    });
  }
}
