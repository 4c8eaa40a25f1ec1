/** Puts the page together: state, map, panels. Wiring only. */
import { Api, ApiError, type Collection } from "./api";
import { type Catalog, type Context, Signal } from "./context";
import { fill, h } from "./dom";
import { setLanguage, t } from "./i18n";
import { mapButtons, showHover, showPosition } from "./map/controls";
import { boundsOf } from "./map/bounds";
import { loadNames } from "./map/names";
import { classColors } from "./map/palette";
import type { MapLayer } from "./map/style";
import { MapView } from "./map/view";
import { featurePanel } from "./panels/feature";
import { headerBar } from "./panels/header";
import { layersPanel } from "./panels/layers";
import { SignIn } from "./panels/sign-in";
import { message } from "./panels/states";
import { tabBar } from "./panels/tabs";
import { totalsPanel } from "./panels/totals";
import { initialState, persist, Store } from "./state";
import { followTheme } from "./theme";
import { defaultVisible } from "./visible";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/panels.css";
import "./styles/map.css";

const PHONE = window.matchMedia("(max-width: 760px)");
/** How often an open page asks whether the data changed. */
const REFRESH_MS = 60_000;

const store = new Store(initialState(location.hash, PHONE.matches));
setLanguage(store.get().lang);
const api = new Api();

const parts = {
  header: h("header", { class: "header" }),
  layers: h("section", { class: "panel panel-layers" }),
  map: h("section", { class: "map", "data-state": "busy" }),
  canvas: h("div", { class: "map-canvas" }),
  busy: h("div", { class: "map-busy", role: "status" }),
  buttons: h("div", { class: "map-buttons" }),
  position: h("div", { class: "map-position" }),
  hover: h("div", { class: "map-hover", "aria-hidden": "true", hidden: true }),
  notice: h("div", { class: "map-notice", role: "alert", hidden: true }),
  tabs: h("nav", { class: "tabs" }),
  inspector: h("div", { class: "inspector", id: "panels", tabindex: -1 }),
  totals: h("section", { class: "panel panel-totals" }),
  feature: h("section", { class: "panel panel-feature" }),
};
parts.map.append(parts.canvas, parts.busy, parts.buttons, parts.position, parts.hover, parts.notice);
parts.inspector.append(parts.totals, parts.feature);
fill(
  document.querySelector("#app") ?? document.body,
  parts.header,
  h("main", { class: "stage" }, parts.layers, parts.map, parts.tabs, parts.inspector),
);

const context: Context = {
  api,
  store,
  catalog: new Signal<Catalog>({ state: "loading" }),
  hit: new Signal<ReturnType<Context["hit"]["get"]>>({ features: [], aggregate: null }),
  actions: {
    reload: () => void loadCatalog(),
    signIn: () => signIn.open(),
    zoomTo: (geometry) => map?.zoomTo(boundsOf(geometry)),
    zoomInAt: (at) => map?.zoomInAt(at),
    report: (error) => notice(t("state.download", { reason: reasonOf(error) })),
    highlight: (geometry) => map?.select(geometry),
  },
};
const signIn = new SignIn(context, () => {
  headerBar(parts.header, context);
  void loadCatalog();
});
api.onUnauthorized = (refused) => {
  headerBar(parts.header, context);
  signIn.open(refused);
};

const map = startMap();
parts.buttons.hidden = map === null;

function startMap(): MapView | null {
  try {
    return new MapView(parts.canvas, api, store, {
      onHit: (hit) => {
        const [selected = null] = hit.features;
        store.set({ selected, ...(selected || hit.aggregate ? { tab: "feature" } : {}) });
        context.hit.set(hit);
      },
      onHover: (hover) => showHover(parts.hover, hover),
      onPointer: (at) => showPosition(parts.position, at),
      onBusy: (busy) => {
        parts.busy.classList.toggle("on", busy);
        parts.map.dataset.state = busy ? "busy" : "ready";
      },
      onError: (status) => {
        if (status === 401) api.unauthorized(api.token);
        else notice(t("map.tilesFailed"));
      },
    });
  } catch {
    fill(parts.canvas, message(t("map.failed"), t("map.failed.hint")));
    return null;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof ApiError && error.status === 0) return t("state.offline");
  return error instanceof Error && error.message ? error.message : t("state.failed");
}

let noticeTimer = 0;
function notice(text: string): void {
  parts.notice.textContent = text;
  parts.notice.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = window.setTimeout(() => (parts.notice.hidden = true), 8000);
}

/** `quiet` keeps what is shown until there is something newer; a new language is always newer. */
async function loadCatalog(quiet = false): Promise<void> {
  if (!quiet) context.catalog.set({ state: "loading" });
  const { lang } = store.get();
  try {
    const collections = await api.collections();
    const before = context.catalog.get();
    const known = before.state === "ready" && before.lang === lang ? revisions(before.collections) : "";
    if (lang !== store.get().lang || (quiet && known === revisions(collections))) return;
    context.catalog.set({ state: "ready", lang, collections });
    await Promise.all([drawLayers(), loadNames(api, collections).then((names) => map?.setNames(names))]);
  } catch (error) {
    if (!quiet) context.catalog.set({ state: "failed", error });
  }
}

function revisions(collections: Collection[]): string {
  return collections.map(({ id, liangtian }) => `${id}@${liangtian.revision}`).join();
}

/** On a phone a panel lies over the map; the map's middle moves up to what stays visible. */
function cover(): void {
  const { tab } = store.get();
  const sheet = tab === "layers" ? parts.layers : parts.inspector;
  map?.cover(PHONE.matches && tab ? Math.min(sheet.offsetHeight, parts.map.offsetHeight * 0.6) : 0);
}

/** The layers with the colours of their classes, as the map wants them. */
async function drawLayers(): Promise<void> {
  const catalog = context.catalog.get();
  if (catalog.state !== "ready" || !map) return;
  const layers = await Promise.all(
    catalog.collections.map(async (collection): Promise<MapLayer> => {
      const { by } = collection.liangtian.style;
      const schema = by ? await api.schema(collection.id).catch(() => null) : null;
      const classes = by ? classColors(schema?.properties[by]?.oneOf ?? []) : [];
      return { collection, classes, visible: false };
    }),
  );
  const visible = store.get().visible ?? defaultVisible(catalog);
  map.setLayers(layers.map((layer) => ({ ...layer, visible: visible.includes(layer.collection.id) })));
}

function texts(): void {
  setLanguage(store.get().lang);
  headerBar(parts.header, context);
  tabBar(parts.tabs, store);
  parts.busy.setAttribute("aria-label", t("map.loading"));
  parts.canvas.querySelector("canvas")?.setAttribute("aria-label", t("map.label"));
  mapButtons(parts.buttons, {
    zoomIn: () => map?.zoomBy(1),
    zoomOut: () => map?.zoomBy(-1),
    home: () => map?.home(),
  });
}

texts();
layersPanel(parts.layers, context);
totalsPanel(parts.totals, context);
featurePanel(parts.feature, context);
persist(store);
followTheme(store, (dark) => {
  map?.setDark(dark);
  headerBar(parts.header, context);
});
store.on(["visible"], () => void drawLayers());
store.on(["lang"], () => {
  texts();
  void loadCatalog(true);
});
store.on(["tab"], ({ tab }) => {
  document.documentElement.dataset.tab = tab ?? "";
  cover();
});
document.documentElement.dataset.tab = store.get().tab ?? "";
cover();
void loadCatalog();
window.setInterval(() => {
  if (document.visibilityState === "visible") void loadCatalog(true);
}, REFRESH_MS);
