/** What the page shows: one value, kept in the address, and where parts of it are followed. */
import type { Lang } from "../i18n";
import type { AreaUnit } from "../ui/format";
import type { Filters } from "./filters";

/** The screens of the navigation; one's account is reached by one's name. */
export const MAIN_SCREENS = ["map", "uploads", "figures", "soil"] as const;
export const SCREENS = [...MAIN_SCREENS, "account"] as const;
export type ScreenName = (typeof SCREENS)[number];
export type Tab = "layers" | "totals" | "feature";
export type Theme = "auto" | "light" | "dark";

export interface View {
  zoom: number;
  lat: number;
  lon: number;
}

export interface FeatureRef {
  layer: string;
  fid: number;
}

export interface State {
  screen: ScreenName;
  /** What follows the screen's name in the address: `#/uploads/12` is ["12"]. */
  path: string[];
  /** Parameters that belong to the screen alone; another screen begins without them. */
  params: Record<string, string>;
  lang: Lang;
  theme: Theme;
  unit: AreaUnit;
  /** null: the whole extent of the data */
  view: View | null;
  /** ids of visible layers; null: as the layers' definitions say */
  visible: string[] | null;
  selected: FeatureRef | null;
  /** Conditions by layer: they hold for map, table, totals and downloads alike. */
  filters: Filters;
  /** The field that colours a layer, where it is another than its definition says. */
  themes: Record<string, string>;
  /** The data as it was: a date, a time or a revision; null: as it is. */
  asOf: string | null;
  /** Corners of a drawn area, lon/lat, without the closing one: totals and table keep to it. */
  area: [number, number][] | null;
  /** The table under the map: its layer, and a sortable with `-` for descending. */
  table: { layer: string; sort: string } | null;
  /** Two sides of the map to compare, left and right; see map/swipe.ts. */
  swipe: [string, string] | null;
  totals: { layer: string; by: string } | null;
  /** The panel of the map shown; null on a phone: only the map. */
  tab: Tab | null;
}

type Listener = (state: State, before: State) => void;

/** One place for the state; listeners name the keys that they follow. */
export class Store {
  private listeners = new Set<{ keys: (keyof State)[]; run: Listener }>();

  constructor(private state: State) {}

  get(): State {
    return this.state;
  }

  set(change: Partial<State>): void {
    const before = this.state;
    this.state = { ...before, ...change };
    const changed = (Object.keys(change) as (keyof State)[]).filter(
      (key) => !same(this.state[key], before[key]),
    );
    if (!changed.length) return;
    for (const { keys, run } of [...this.listeners]) {
      if (keys.some((key) => changed.includes(key))) run(this.state, before);
    }
  }

  /** Sets some of the screen's own parameters; an empty text takes one away. */
  setParams(change: Record<string, string>): void {
    const kept = Object.entries({ ...this.state.params, ...change }).filter(([, value]) => value !== "");
    this.set({ params: Object.fromEntries(kept) });
  }

  /** Returns what ends the listening. */
  on(keys: (keyof State)[], run: Listener): () => void {
    const listener = { keys, run };
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}

/** Equal values of equal shape: an address read again is no change. */
function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
