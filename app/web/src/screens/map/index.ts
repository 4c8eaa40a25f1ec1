/** The map screen: layers at the left, totals and the chosen feature at the right. */
import type { App, Layout, Open } from "../../app/context";
import { areaOf } from "../../app/question";
import { Signal } from "../../app/signal";
import type { Aggregate } from "../../map/hits";
import type { FeatureRef } from "../../app/state";
import { h } from "../../ui/dom";
import { featurePanel } from "./feature";
import { layersPanel } from "./layers";
import { tableDrawer } from "./table";
import { tabBar } from "./tabs";
import { mapTools } from "./tools";
import { questionChips } from "./chips";
import { totalsPanel } from "./totals";
import "./map.css";

export const layout: Layout = "map";

/** What the panels of this screen share beside the state. */
export interface MapScreen extends App {
  /** What was last clicked beside the selected feature; not part of the address. */
  hit: Signal<{ features: FeatureRef[]; aggregate: Aggregate | null }>;
  /** Whether something is being edited: the panel then keeps what it holds, and the selection stays. */
  editing: Signal<"" | "change" | "create">;
  /** Listens until the screen is closed. */
  follow: (stop: () => void) => void;
  /** Fills an element with what narrows the data down. */
  chips: (root: HTMLElement) => void;
}

const PHONE = window.matchMedia("(max-width: 760px)");

export const open: Open = (app, place) => {
  const { store, board } = app;
  const stops: (() => void)[] = [];
  const screen: MapScreen = {
    ...app,
    hit: new Signal<ReturnType<MapScreen["hit"]["get"]>>({ features: [], aggregate: null }),
    editing: new Signal<ReturnType<MapScreen["editing"]["get"]>>(""),
    follow: (stop) => void stops.push(stop),
    chips: (root) => questionChips(root, screen),
  };
  const panels = {
    layers: h("section", { class: "panel sheet panel-layers" }),
    totals: h("section", { class: "panel sheet panel-totals" }),
    feature: h("section", { class: "panel sheet panel-feature" }),
    tabs: h("nav", { class: "tabs" }),
  };
  place.root.append(panels.layers);
  place.aside.append(panels.tabs, panels.totals, panels.feature);
  board?.onClick(({ features, aggregate }) => {
    if (screen.editing.get()) return;
    const [selected = null] = features;
    store.set({ selected, ...(selected || aggregate ? { tab: "feature" } : {}) });
    screen.hit.set({ features, aggregate });
  });
  layersPanel(panels.layers, screen);
  totalsPanel(panels.totals, screen);
  featurePanel(panels.feature, screen);
  tabBar(panels.tabs, screen);
  tableDrawer(place.below, screen);
  mapTools(place.tools, screen);
  stops.push(drawnArea(screen));

  /** On a phone a panel lies over the map; the map's middle moves up to what stays visible. */
  const follow = (): void => {
    const { tab } = store.get();
    document.documentElement.dataset.tab = tab ?? "";
    board?.cover(PHONE.matches && tab ? panels[tab] : null);
  };
  stops.push(store.on(["tab"], follow));
  follow();
  return {
    close: () => {
      for (const stop of stops) stop();
      delete document.documentElement.dataset.tab;
    },
  };
};

/** The drawn area on the map. */
function drawnArea({ store, board }: MapScreen): () => void {
  const show = (): void => {
    const geometry = areaOf(store.get());
    const overlay = board?.overlay("area");
    if (!geometry) return overlay?.remove();
    const shapes: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [{ type: "Feature", properties: {}, geometry }] };
    overlay?.shapes(shapes, { color: "#c2371f", fill: 0.06, width: 2, dash: [3, 2] });
  };
  show();
  return store.on(["area"], show);
}
