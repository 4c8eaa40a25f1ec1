/** Soil: scenes, runs, series of plots, accuracy and calibration. */
import type { App, Layout, Open, Place, Route } from "../../app/context";
import { t } from "../../i18n";
import { unitChoice } from "../../ui/area";
import { fill, h } from "../../ui/dom";
import { accuracyPage } from "./accuracy";
import { calibrationsPage } from "./calibrations";
import { runsPage } from "./runs";
import { scenesPage } from "./scenes";
import { seriesPage } from "./series";
import { Soil } from "./service";
import "./soil.css";

export const layout: Layout = "side";

/** What a page of this screen is given. */
export interface Desk {
  app: App;
  soil: Soil;
  place: Place;
  /** Where the page shows itself. */
  root: HTMLElement;
  params: Record<string, string>;
  /** Another place of this screen. */
  go: (path: string[], params?: Record<string, string>) => void;
  /** Runs when the page is left. */
  leave: (stop: () => void) => void;
  /** Ends with the page. */
  signal: AbortSignal;
}

/** One part of the screen; `rest` is the path behind its name. */
export type Page = (desk: Desk, rest: string[]) => void;

const PAGES = { scenes: scenesPage, runs: runsPage, series: seriesPage, accuracy: accuracyPage, calibrations: calibrationsPage } as const satisfies Record<string, Page>;
type Name = keyof typeof PAGES;
const NAMES = Object.keys(PAGES) as Name[];

export const open: Open = (app, place, route) => {
  const nav = h("nav", { class: "tab-list soil-nav", "aria-label": t("nav.soil") });
  const unit = h("div", { class: "soil-unit" });
  const root = h("div", { class: "soil-body" });
  const soil = new Soil(app.api);
  let now: Route = route;
  let stops: (() => void)[] = [];

  const leave = (): void => {
    for (const stop of stops) stop();
    stops = [];
    app.board?.clear();
  };
  const show = (): void => {
    leave();
    const [first = "scenes", ...rest] = now.path;
    const name = NAMES.find((one) => one === first) ?? "scenes";
    fill(nav, ...NAMES.map((one) => goTo(app, one === "scenes" ? [] : [one], t(`soil.nav.${one}`), { class: "tab", "aria-current": one === name ? "page" : null })));
    fill(unit, unitChoice(app.store));
    fill(place.aside);
    fill(root);
    place.layout("side");
    place.root.scrollTop = 0;
    const ended = new AbortController();
    stops.push(() => ended.abort());
    PAGES[name]({ app, soil, place, root, params: now.params, go: (path, params) => app.go("soil", path, params), leave: (stop) => void stops.push(stop), signal: ended.signal }, rest);
  };
  fill(
    place.root,
    h("div", { class: "panel soil" }, h("h2", { class: "panel-title visually-hidden" }, t("nav.soil")), h("div", { class: "soil-head" }, nav, unit), root),
  );
  const follows = [
    app.store.on(["unit"], show),
    app.session.on(() => {
      // What is being filled in stays.
      if (now.path.at(-1) !== "new") show();
    }),
  ];
  show();
  return {
    route: (next) => {
      const before = now.path.join("/");
      now = next;
      if (before !== next.path.join("/")) show();
    },
    close: () => {
      for (const stop of follows) stop();
      leave();
    },
  };
};

/** A link to a place in this screen, which a new tab can open as well. */
export function goTo(app: App, path: string[], content: string | Node, attributes: Record<string, string | null> = {}, params: Record<string, string> = {}): HTMLAnchorElement {
  const onclick = (event: Event): void => {
    const { ctrlKey, metaKey, shiftKey } = event as MouseEvent;
    if (ctrlKey || metaKey || shiftKey) return;
    event.preventDefault();
    app.go("soil", path, params);
  };
  const query = new URLSearchParams(params).toString();
  return h("a", { href: `#/${["soil", ...path].join("/")}${query ? `?${query}` : ""}`, onclick, ...attributes }, content);
}

export function backTo(app: App, path: string[], text: string): HTMLElement {
  return goTo(app, path, text, { class: "back-link" });
}
