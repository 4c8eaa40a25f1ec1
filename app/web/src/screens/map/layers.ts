/** The list of layers: what is shown, what its colours mean, how much there is. */
import type { Collection } from "../../api/answers";
import { language, t } from "../../i18n";
import { type ClassColor, classColors } from "../../map/palette";
import { GROUND, isZone, widthFactor } from "../../map/style";
import { defaultVisible } from "../../map/visible";
import { fill, h } from "../../ui/dom";
import { integer } from "../../ui/format";
import { failed, loading, message } from "../../ui/states";
import type { MapScreen } from ".";
import { presentCodes, swatch } from "./legend";

export function layersPanel(root: HTMLElement, screen: MapScreen): void {
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
          h("ul", { class: "tables" }, ...tables.map(tableItem)),
        ),
      h("p", { class: "note" }, t("layers.note")),
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

function tableItem({ title, liangtian }: Collection): HTMLElement {
  const count = t("layers.count.rows", { count: integer(liangtian.count, language()) });
  return h("li", {}, h("span", {}, title), h("span", { class: "count" }, count));
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
  const item = h("li", { class: "layer" });
  const count = info.count ? t("layers.count", { count: integer(info.count, language()) }) : t("layers.empty");
  fill(
    item,
    h(
      "label",
      { class: "layer-head" },
      h("input", {
        type: "checkbox",
        "data-layer": id,
        checked: shown.includes(id),
        "aria-label": t("layers.show", { title }),
        onchange: toggle,
      }),
      swatch(collection, info.style.color),
      h("span", { class: "layer-title" }, title),
      h("span", { class: "count" }, count),
    ),
  );
  if (info.style.min_zoom > 0 && info.count > 0) item.append(zoomNote(info.style.min_zoom, screen));
  if (info.style.by) void addLegend(item, collection, screen);
  return item;
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

async function addLegend(item: HTMLElement, collection: Collection, { api }: MapScreen): Promise<void> {
  const { id, liangtian } = collection;
  const by = liangtian.style.by ?? "";
  if (!liangtian.count) return;
  try {
    const [{ properties }, present] = await Promise.all([api.schema(id), presentCodes(api, collection, by)]);
    const all = classColors(properties[by]?.oneOf ?? []);
    const used = present ? all.filter(({ code }) => present.has(code)) : all;
    if (used.length) item.append(legend(collection, used, properties[by]?.title));
  } catch {
    // The list stays useful without the legend; the map reports the failure itself.
  }
}

const FOLD = 8;

function legend(collection: Collection, classes: ClassColor[], title?: string): HTMLElement {
  const list = (part: ClassColor[]): HTMLElement =>
    h(
      "ul",
      { class: "legend", "aria-label": `${collection.title}: ${title ?? t("layers.legend")}` },
      ...part.map((one) => {
        const width = widthFactor(classes.indexOf(one), classes.length);
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
