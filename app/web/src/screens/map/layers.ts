/** The list of layers: what is shown, what its colours mean, how much there is. */
import type { Collection, Property, Schema } from "../../api/answers";
import { language, t } from "../../i18n";
import type { ClassColor } from "../../map/palette";
import { GROUND, isZone, widthFactor } from "../../map/style";
import { themesOf } from "../../map/theme";
import { defaultVisible } from "../../map/visible";
import { iconButton } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { integer } from "../../ui/format";
import { failed, loading, message } from "../../ui/states";
import type { MapScreen } from ".";
import { basePanel } from "./base";
import { filterEditor } from "./filter";
import { swatch } from "./legend";
import { searchBox } from "./search";

export function layersPanel(place: HTMLElement, screen: MapScreen): void {
  const search = h("div", { class: "search" });
  const root = h("div", {});
  const base = h("section", { class: "base" });
  fill(place, search, root, base);
  screen.offers.then(({ tianditu }) => tianditu && basePanel(base, screen), () => undefined);
  searchBox(search, screen);
  const { store, catalog } = screen;
  const render = (): void => {
    const now = catalog.get();
    if (now.state === "loading") return fill(root, heading(), loading());
    if (now.state === "failed") {
      return fill(root, heading(), failed(now.error, screen, screen.reload));
    }
    if (!now.collections.length) {
      return fill(root, heading(), message(t("layers.none"), t("layers.none.hint")));
    }
    const drawn = now.collections.filter((c) => c.liangtian.geometry).sort(byListOrder);
    const tables = now.collections.filter((c) => !c.liangtian.geometry);
    fill(
      root,
      heading(),
      h("ul", { class: "layers" }, ...drawn.map((c) => layerItem(c, screen))),
      tables.length > 0 &&
        h(
          "section",
          {},
          h("h3", { class: "label" }, t("layers.tables")),
          h("ul", { class: "tables" }, ...tables.map((c) => tableItem(c, screen))),
        ),
      h("p", { class: "note layers-note" }, t("layers.note")),
    );
  };
  screen.follow(catalog.on(render));
  screen.follow(store.on(["visible"], ({ visible }) => {
    const shown = visible ?? defaultVisible(catalog.get());
    for (const box of root.querySelectorAll<HTMLInputElement>("input[data-layer]")) {
      box.checked = shown.includes(box.dataset.layer ?? "");
    }
  }));
  render();
}

function heading(): HTMLElement {
  return h("h2", { class: "panel-title" }, t("layers.title"));
}

/** Land first, then water works and points, then zones and the ground; empty layers last. */
function byListOrder(a: Collection, b: Collection): number {
  const rank = (c: Collection): number =>
    c.id === GROUND ? 4
    : c.liangtian.count === 0 ? 3
    : isZone(c) ? 2
    : c.liangtian.geometry === "MultiPolygon" ? 0
    : 1;
  return rank(a) - rank(b) || b.liangtian.style.order - a.liangtian.style.order;
}

function tableItem({ id, title, liangtian }: Collection, { store }: MapScreen): HTMLElement {
  const count = t("layers.count.rows", { count: integer(liangtian.count, language()) });
  return h(
    "li",
    {},
    h("span", {}, title),
    h("span", { class: "count" }, count),
    iconButton("table", t("table.open", { layer: title }), () => store.set({ table: { layer: id, sort: "" } }), { class: "icon-button small" }),
  );
}

function layerItem(collection: Collection, screen: MapScreen): HTMLElement {
  const { store, catalog } = screen;
  const { id, title, liangtian: info } = collection;
  const shown = store.get().visible ?? defaultVisible(catalog.get());
  const toggle = (event: Event): void => {
    const now = store.get().visible ?? defaultVisible(catalog.get());
    const rest = now.filter((other) => other !== id);
    store.set({ visible: (event.target as HTMLInputElement).checked ? [...rest, id] : rest });
  };
  const count = info.count ? integer(info.count, language()) : t("layers.empty");
  const item = h(
    "li",
    { class: "layer" },
    h(
      "div",
      { class: "layer-head" },
      h(
        "label",
        {},
        h("input", { type: "checkbox", "data-layer": id, checked: shown.includes(id), "aria-label": t("layers.show", { title }), onchange: toggle }),
        swatch(collection, info.style.color),
        h("span", { class: "layer-title" }, title),
      ),
      h("span", { class: "count" }, count),
    ),
  );
  if (info.style.min_zoom > 0 && info.count > 0) item.append(zoomNote(info.style.min_zoom, screen));
  if (info.count > 0) void details(item, collection, screen);
  return item;
}

/** Below the title: by what the layer is coloured, its legend, its filter. */
async function details(item: HTMLElement, collection: Collection, screen: MapScreen): Promise<void> {
  const { api, store, layers } = screen;
  const { id, title, liangtian: info } = collection;
  let schema: Schema;
  try {
    schema = await api.schema(id);
  } catch {
    return; // the list stays useful without; the map reports the failure itself
  }
  const body = h("div", { class: "layer-body" });
  const editor = h("div", { hidden: true });
  const filter = iconButton("filter", t("filter.title", { layer: title }), () => {
    editor.hidden = !editor.hidden;
    filter.setAttribute("aria-expanded", String(!editor.hidden));
    if (!editor.hidden) fill(editor, filterEditor(collection, schema, screen));
  }, { "aria-expanded": "false", class: "icon-button small" });
  item.querySelector(".layer-head")?.append(filter);
  const table = iconButton("table", t("table.open", { layer: title }), () => store.set({ table: { layer: id, sort: "" } }), { class: "icon-button small" });
  item.querySelector(".layer-head")?.append(table);
  item.append(body, editor);
  const themes = info.geometry ? themesOf(schema) : [];
  const render = async (): Promise<void> => {
    const layer = layers.get().find((one) => one.collection.id === id);
    filter.classList.toggle("on", (layer?.filter ?? "") !== "");
    const by = layer?.by ?? null;
    const present = by ? await screen.present(id, by).catch(() => null) : null;
    const classes = (layer?.classes ?? []).filter(({ code }) => !present || present.includes(code));
    fill(
      body,
      themes.length > 1 && themeSelect(id, by, themes, screen, title, info.style.by),
      classes.length > 0 && legend(collection, classes, schema.properties[by ?? ""]?.title, by === info.style.by),
    );
  };
  screen.follow(layers.on(() => void render()));
  void render();
}

function themeSelect(
  id: string, by: string | null, themes: [string, Property][], { store }: MapScreen, title: string, own: string | null,
): HTMLElement {
  const choose = (event: Event): void => {
    const { value } = event.target as HTMLSelectElement;
    const { [id]: _, ...rest } = store.get().themes;
    store.set({ themes: value === own ? rest : { ...rest, [id]: value } });
  };
  return h(
    "label",
    { class: "theme" },
    h("span", {}, t("layers.theme")),
    h(
      "select",
      { "aria-label": t("layers.theme.of", { layer: title }), onchange: choose },
      ...(by === null ? [h("option", { value: "", selected: true }, t("totals.by.none"))] : []),
      ...themes.map(([field, property]) => h("option", { value: field, selected: field === by }, property.title ?? field)),
    ),
  );
}

/** Shown only while the map is too far out to draw the layer. */
function zoomNote(zoom: number, { store, follow }: MapScreen): HTMLElement {
  const note = h("p", { class: "layer-note" }, t("layers.minZoom", { zoom }));
  const update = (): void => {
    note.hidden = (store.get().view?.zoom ?? 0) >= zoom;
  };
  follow(store.on(["view"], update));
  update();
  return note;
}

const FOLD = 8;

function legend(collection: Collection, classes: ClassColor[], title: string | undefined, own: boolean): HTMLElement {
  const list = (part: ClassColor[]): HTMLElement =>
    h(
      "ul",
      { class: "legend", "aria-label": `${collection.title}: ${title ?? t("layers.legend")}` },
      ...part.map((one) => {
        const width = own ? widthFactor(classes.indexOf(one), classes.length) : 1;
        return h("li", {}, swatch(collection, one.color, width), h("span", {}, one.title));
      }),
    );
  if (classes.length <= FOLD) return list(classes);
  const rest = classes.slice(FOLD - 2);
  return h(
    "div",
    { class: "legends" },
    list(classes.slice(0, FOLD - 2)),
    h("details", {}, h("summary", {}, t("layers.more", { count: rest.length })), list(rest)),
  );
}
