/** Over the map: what is left out of it at the moment, each with a way back. */
import { tell } from "../../app/filters";
import { collectionOf } from "../../app/context";
import { language, t } from "../../i18n";
import { fill, h } from "../../ui/dom";
import { date } from "../../ui/format";
import { icon } from "../../ui/icon";
import type { MapScreen } from ".";

export function questionChips(root: HTMLElement, screen: MapScreen): void {
  const { api, store, catalog } = screen;
  let asked = 0;
  const render = async (): Promise<void> => {
    const mine = ++asked;
    const { filters, asOf, area } = store.get();
    const words = { blank: t("filter.blank"), yes: t("feature.yes"), no: t("feature.no"), and: t("list.and") };
    const texts = await Promise.all(
      Object.entries(filters).map(async ([layer, conditions]) => {
        const schema = await api.schema(layer).catch(() => ({ properties: {} }));
        const title = collectionOf(catalog.get(), layer)?.title ?? layer;
        return { layer, text: `${title} · ${conditions.map((one) => tell(one, schema, words)).join(t("list.semicolon"))}` };
      }),
    );
    if (mine !== asked) return;
    const without = (layer: string): void => {
      const { [layer]: _, ...rest } = store.get().filters;
      store.set({ filters: rest });
    };
    fill(
      root,
      ...texts.map(({ layer, text }) => removable(text, () => without(layer))),
      asOf !== null && removable(t("time.asOf", { time: /^\d{1,9}$/.test(asOf) ? t("totals.revision", { revision: asOf }) : date(asOf, language(), true) }), () => store.set({ asOf: null })),
      area !== null && removable(t("area.drawn"), () => store.set({ area: null })),
    );
  };
  screen.follow(store.on(["filters", "asOf", "area"], () => void render()));
  screen.follow(catalog.on(() => void render()));
  void render();
}

function removable(text: string, remove: () => void): HTMLElement {
  return h(
    "span",
    { class: "question-chip" },
    h("span", { class: "question-text", title: text }, text),
    h("button", { type: "button", "aria-label": t("chip.remove", { what: text }), onclick: remove }, icon("close", 14)),
  );
}
