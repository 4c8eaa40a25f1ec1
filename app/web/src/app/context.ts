/** What every screen is given. */
import type { Api } from "../api/client";
import type { Collection, Offers } from "../api/answers";
import type { Lang } from "../i18n";
import type { Board } from "../map/board";
import type { MapLayer } from "../map/style";
import type { Session } from "./session";
import type { Signal } from "./signal";
import type { ScreenName, State, Store } from "./state";

export interface App {
  api: Api;
  /** Who is signed in; null for nobody. */
  session: Session;
  store: Store;
  /** The layers that the service offers; replaced as a whole. */
  catalog: Signal<Catalog>;
  /** The same as the map draws them: with colours, filters and whether they are shown. */
  layers: Signal<MapLayer[]>;
  /** What the operator of the service allows. */
  offers: Promise<Offers>;
  /** The values of a field that occur in a layer; kept until the layer changes. */
  present: (layer: string, field: string) => Promise<string[]>;
  /** The map, which stays while screens come and go; null where the browser cannot draw one. */
  board: Board | null;
  /** Another screen, or another place in the same one; a step for the back button. */
  go: (screen: ScreenName, path?: string[], params?: Record<string, string>) => void;
  /** Reads the catalogue again, after something was stored. */
  reload: () => void;
  /** The same, with what is on the screen kept until there is something newer. */
  refresh: () => void;
  signIn: () => void;
  /** Says something in passing. */
  toast: (text: string, kind?: "done" | "failed") => void;
  /** Says in passing that something did not work, and why. */
  report: (error: unknown) => void;
}

export type Catalog =
  | { state: "loading" }
  | { state: "failed"; error: unknown }
  | { state: "ready"; lang: Lang; collections: Collection[] };

/** Where a screen shows itself. An empty slot takes no room. */
export interface Place {
  /** Beside the map on the left on a desk; on a phone below it, or over it as a sheet. */
  root: HTMLElement;
  /** Beside the map on the right; on a phone below `root`. */
  aside: HTMLElement;
  /** Under the map, for tables. */
  below: HTMLElement;
  /** Over the map: tools of the screen. */
  tools: HTMLElement;
  /**
   * How they share the page: `side` 420 px beside the map, `wide` half of it, `full` no map at all;
   * `map` is the map screen's own (on a phone its panels are sheets).
   */
  layout: (kind: Layout) => void;
}
export type Layout = "map" | "side" | "wide" | "full";

export type Route = Pick<State, "path" | "params">;

/** A screen that is open. Whatever it put on the board and in its place is cleared by the shell. */
export interface Screen {
  /** Another path or other parameters of the same screen. */
  route?: (route: Route) => void;
  /** Ends listening and waiting. */
  close?: () => void;
}

/** What a module in `screens/` exports as `open`. In another language the screen is opened anew. */
export type Open = (app: App, place: Place, route: Route) => Screen;

export function collectionOf(catalog: Catalog, id: string): Collection | undefined {
  return catalog.state === "ready" ? catalog.collections.find((c) => c.id === id) : undefined;
}
