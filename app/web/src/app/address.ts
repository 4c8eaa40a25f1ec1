/** The state in the address: `#map=9/45/123&layers=parcels` or `#/uploads/12?map=...`. */
import { decodeFilter, encodeFilter } from "./filters";
import { SCREENS, type ScreenName, type State, type Store, type Tab } from "./state";

const TABS: readonly string[] = ["layers", "totals", "feature"];
const NAME = /^[a-z][a-z0-9_]{0,39}$/;
/** Parameters that all screens share; any other belongs to the screen. */
const SHARED = new Set([
  "map", "layers", "feature", "totals", "tab", "lang", "unit", "where", "theme", "as_of", "area", "table", "swipe",
]);
const MOMENT = /^(\d{1,15}|\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)$/;
const MOST_CORNERS = 500;

/** Reads the part after `#`; whatever cannot be understood is left out. */
export function decodeHash(hash: string): Partial<State> {
  const text = hash.replace(/^#/, "");
  const [route = "", query = ""] = text.startsWith("/") ? split(text, "?") : ["", text];
  const parameters = new URLSearchParams(query);
  return { ...decodeRoute(route), ...decodeParams(parameters), ...decodeShared(parameters) };
}

function split(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}

function decodeRoute(route: string): Partial<State> {
  const [screen = "", ...path] = route.split("/").filter(Boolean).map(decode);
  if (screen === "map" || !(SCREENS as readonly string[]).includes(screen)) return {};
  return { screen: screen as ScreenName, ...(path.length ? { path } : {}) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

function decodeParams(parameters: URLSearchParams): Partial<State> {
  const own = [...parameters].filter(([name, value]) => !SHARED.has(name) && NAME.test(name) && value !== "");
  return own.length ? { params: Object.fromEntries(own) } : {};
}

function decodeShared(parameters: URLSearchParams): Partial<State> {
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
  if (unit === "mu" || unit === "ha" || unit === "m2") state.unit = unit;
  return { ...state, ...decodeQuestion(parameters) };
}

/** What narrows down the data: filters, themes, time, area; and how it is shown beside the map. */
function decodeQuestion(parameters: URLSearchParams): Partial<State> {
  const state: Partial<State> = {};
  const filters = parameters.getAll("where").map(decodeFilter).filter((one) => one !== null);
  if (filters.length) state.filters = Object.fromEntries(filters);
  const themes = (parameters.get("theme") ?? "").split(",").map((pair) => pair.split(":"));
  const known = themes.filter(([layer = "", field = ""]) => NAME.test(layer) && NAME.test(field));
  if (known.length) state.themes = Object.fromEntries(known) as Record<string, string>;
  const moment = parameters.get("as_of");
  if (moment !== null && MOMENT.test(moment)) state.asOf = moment;
  const area = decodeArea(parameters.get("area") ?? "");
  if (area) state.area = area;
  const [layer = "", sort = ""] = (parameters.get("table") ?? "").split("/");
  if (NAME.test(layer)) state.table = { layer, sort: /^-?[a-z][a-z0-9_]{0,39}$/.test(sort) ? sort : "" };
  const [left = "", right = "", ...more] = (parameters.get("swipe") ?? "").split("~");
  if (left && right && !more.length) state.swipe = [left, right];
  return state;
}

function decodeArea(text: string): [number, number][] | null {
  const numbers = text.split(",").map(Number);
  const corners: [number, number][] = [];
  for (let i = 0; i + 1 < numbers.length; i += 2) corners.push([numbers[i] ?? NaN, numbers[i + 1] ?? NaN]);
  const good = corners.every(([lon, lat]) => Math.abs(lon) <= 180 && Math.abs(lat) <= 85);
  return good && corners.length >= 3 && corners.length <= MOST_CORNERS ? corners : null;
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
  parts.push(...encodeQuestion(state));
  for (const [name, value] of Object.entries(state.params)) parts.push(`${name}=${encodeURIComponent(value)}`);
  const query = parts.join("&");
  if (state.screen === "map") return query ? `#${query}` : "";
  const route = [state.screen, ...state.path.map(encodeURIComponent)].join("/");
  return `#/${route}${query ? `?${query}` : ""}`;
}

function encodeQuestion({ filters, themes, asOf, area, table, swipe }: State): string[] {
  const parts: string[] = [];
  for (const [layer, conditions] of Object.entries(filters)) {
    if (conditions.length) parts.push(`where=${soft(encodeFilter(layer, conditions))}`);
  }
  const pairs = Object.entries(themes).map(([layer, field]) => `${layer}:${field}`);
  if (pairs.length) parts.push(`theme=${pairs.join(",")}`);
  if (asOf !== null) parts.push(`as_of=${soft(asOf)}`);
  if (area) parts.push(`area=${area.map(([lon, lat]) => `${lon.toFixed(5)},${lat.toFixed(5)}`).join(",")}`);
  if (table) parts.push(`table=${table.layer}${table.sort ? `/${table.sort}` : ""}`);
  if (swipe) parts.push(`swipe=${soft(swipe.join("~"))}`);
  return parts;
}

/** Encoded, but for what is harmless after `#` and easier to read as it is. */
function soft(text: string): string {
  return encodeURIComponent(text).replace(/%3A/g, ":").replace(/%3B/g, ";").replace(/%2C/g, ",").replace(/%2F/g, "/");
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
    screen: "map",
    path: [],
    params: {},
    lang: habits.lang === "en" ? "en" : "zh",
    theme: habits.theme === "light" || habits.theme === "dark" ? habits.theme : "auto",
    unit: habits.unit === "ha" || habits.unit === "m2" ? habits.unit : "mu",
    view: null,
    visible: null,
    selected: null,
    filters: {},
    themes: {},
    asOf: null,
    area: null,
    table: null,
    swipe: null,
    totals: null,
    tab: phone ? null : "totals",
    ...decodeHash(hash),
  };
}

/**
 * Keeps the address and the habits in step with the state, and follows the back button. Another
 * screen or another path is a new step of the browser's history; all else changes the present one.
 */
export function persist(store: Store): void {
  store.on(
    [
      "screen", "path", "params", "view", "visible", "selected", "totals", "tab", "lang", "unit",
      "filters", "themes", "asOf", "area", "table", "swipe",
    ],
    (state, before) => {
      const hash = encodeHash(state);
      if (hash === location.hash) return;
      const step = state.screen !== before.screen || state.path.join("/") !== before.path.join("/");
      history[step ? "pushState" : "replaceState"](null, "", hash || location.pathname + location.search);
    },
  );
  store.on(["lang", "theme", "unit"], ({ lang, theme, unit }) => {
    try {
      localStorage.setItem(HABITS, JSON.stringify({ lang, theme, unit }));
    } catch {
      // Private windows may refuse; the page works without.
    }
  });
  // What the address does not name is as at the start.
  const read = (): void => {
    const bare = { screen: "map", path: [], params: {}, filters: {}, themes: {}, asOf: null, area: null, table: null, swipe: null } as const;
    store.set({ ...(bare as unknown as Partial<State>), ...decodeHash(location.hash) });
  };
  window.addEventListener("hashchange", read);
  window.addEventListener("popstate", read);
}
