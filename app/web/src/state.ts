/** What the page shows, kept in the address (shareable) and, for habits, in the browser. */
import type { AreaUnit } from "./format";
import type { Lang } from "./i18n";

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
  lang: Lang;
  theme: Theme;
  unit: AreaUnit;
  /** null: the whole extent of the data */
  view: View | null;
  /** ids of visible layers; null: as the layers' definitions say */
  visible: string[] | null;
  selected: FeatureRef | null;
  totals: { layer: string; by: string } | null;
  /** The panel shown; null on a phone: only the map. */
  tab: Tab | null;
}

const TABS: readonly string[] = ["layers", "totals", "feature"];
const NAME = /^[a-z][a-z0-9_]{0,39}$/;

/** Reads the part after `#`; whatever cannot be understood is left out. */
export function decodeHash(hash: string): Partial<State> {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const state: Partial<State> = {};
  const [zoom, lat, lon] = (parameters.get("map") ?? "").split("/").map(Number);
  if (
    zoom !== undefined && lat !== undefined && lon !== undefined &&
    zoom >= 0 && zoom <= 24 && Math.abs(lat) <= 85 && Math.abs(lon) <= 180
  ) {
    state.view = { zoom, lat, lon };
  }
  const layers = parameters.get("layers");
  if (layers !== null) state.visible = layers.split(",").filter((id) => NAME.test(id));
  const [layer, fid] = (parameters.get("feature") ?? "").split("/");
  if (layer && NAME.test(layer) && fid && /^\d{1,15}$/.test(fid)) {
    state.selected = { layer, fid: Number(fid) };
  }
  const [of, by] = (parameters.get("totals") ?? "").split("/");
  if (of && NAME.test(of)) state.totals = { layer: of, by: by && NAME.test(by) ? by : "" };
  const tab = parameters.get("tab");
  if (tab !== null && TABS.includes(tab)) state.tab = tab as Tab;
  const lang = parameters.get("lang");
  if (lang === "zh" || lang === "en") state.lang = lang;
  const unit = parameters.get("unit");
  if (unit === "mu" || unit === "ha") state.unit = unit;
  return state;
}

/** The address part of `state`: only what differs from the start. */
export function encodeHash(state: State): string {
  const parts: string[] = [];
  if (state.view) {
    const { zoom, lat, lon } = state.view;
    parts.push(`map=${zoom.toFixed(2)}/${lat.toFixed(5)}/${lon.toFixed(5)}`);
  }
  if (state.visible) parts.push(`layers=${state.visible.join(",")}`);
  if (state.selected) parts.push(`feature=${state.selected.layer}/${state.selected.fid}`);
  if (state.totals) {
    parts.push(`totals=${state.totals.layer}${state.totals.by ? `/${state.totals.by}` : ""}`);
  }
  if (state.tab && state.tab !== "layers") parts.push(`tab=${state.tab}`);
  if (state.lang !== "zh") parts.push(`lang=${state.lang}`);
  if (state.unit !== "mu") parts.push(`unit=${state.unit}`);
  return parts.length ? `#${parts.join("&")}` : "";
}

type Listener = (state: State, before: State) => void;

/** One place for the state; listeners name the keys that they follow. */
export class Store {
  private listeners: { keys: (keyof State)[]; run: Listener }[] = [];

  constructor(private state: State) {}

  get(): State {
    return this.state;
  }

  set(change: Partial<State>): void {
    const before = this.state;
    this.state = { ...before, ...change };
    const changed = (Object.keys(change) as (keyof State)[]).filter(
      (key) => this.state[key] !== before[key],
    );
    if (!changed.length) return;
    for (const { keys, run } of [...this.listeners]) {
      if (keys.some((key) => changed.includes(key))) run(this.state, before);
    }
  }

  on(keys: (keyof State)[], run: Listener): void {
    this.listeners.push({ keys, run });
  }
}

const HABITS = "liangtian.habits";

/** Language, unit and theme that this reader chose before, then what the address says. */
export function initialState(hash: string, phone: boolean): State {
  let habits: Partial<State> = {};
  try {
    habits = JSON.parse(localStorage.getItem(HABITS) ?? "{}") as Partial<State>;
  } catch {
    // Storage may be closed or hold something else: start fresh.
  }
  return {
    lang: habits.lang === "en" ? "en" : "zh",
    theme: habits.theme === "light" || habits.theme === "dark" ? habits.theme : "auto",
    unit: habits.unit === "ha" ? "ha" : "mu",
    view: null,
    visible: null,
    selected: null,
    totals: null,
    tab: phone ? null : "totals",
    ...decodeHash(hash),
  };
}

/** Keeps the address and the habits in step with the state, and follows the back button. */
export function persist(store: Store): void {
  store.on(["view", "visible", "selected", "totals", "tab", "lang", "unit"], (state) => {
    const hash = encodeHash(state);
    if (hash !== location.hash) {
      history.replaceState(null, "", hash || location.pathname + location.search);
    }
  });
  store.on(["lang", "theme", "unit"], ({ lang, theme, unit }) => {
    try {
      localStorage.setItem(HABITS, JSON.stringify({ lang, theme, unit }));
    } catch {
      // Private windows may refuse; the page works without.
    }
  });
  window.addEventListener("hashchange", () => store.set(decodeHash(location.hash)));
}
