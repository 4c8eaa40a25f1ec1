/** Search by name or code over all layers, in Chinese or anything else. */
import type { Collection, Feature } from "../../api/answers";
import { t } from "../../i18n";
import { fill, h } from "../../ui/dom";
import { integer } from "../../ui/format";
import { icon } from "../../ui/icon";
import { language } from "../../i18n";
import type { MapScreen } from ".";

const TYPING_MS = 250;
const EACH = 5;

interface Found {
  collection: Collection;
  features: Feature[];
  matched: number;
}

export function searchBox(root: HTMLElement, screen: MapScreen): void {
  const { api, store, catalog, board } = screen;
  let timer = 0;
  let waiting: AbortController | null = null;
  let active = -1;

  const list = h("div", { class: "search-results", role: "listbox", id: "search-results", "aria-label": t("search.results"), hidden: true });
  const said = h("p", { class: "visually-hidden", role: "status" });
  const input = h("input", {
    type: "search", class: "search-input", placeholder: t("search.hint"), "aria-label": t("search.title"), role: "combobox",
    "aria-expanded": "false", "aria-controls": "search-results", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false",
    oninput: () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => void ask(), TYPING_MS);
    },
    onkeydown: (event) => key(event as KeyboardEvent),
    onfocus: () => show(list.childElementCount > 0),
  });
  const show = (open: boolean): void => {
    list.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
    if (!open) mark(-1);
  };
  const options = (): HTMLElement[] => [...list.querySelectorAll<HTMLElement>("[role=option]")];
  const mark = (index: number): void => {
    active = index;
    for (const [at, option] of options().entries()) option.setAttribute("aria-selected", String(at === index));
    const chosen = options()[index];
    chosen?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", chosen?.id ?? "");
  };
  const key = (event: KeyboardEvent): void => {
    const count = options().length;
    if (event.key === "Escape") show(false);
    else if (event.key === "ArrowDown" && count) mark((active + 1) % count);
    else if (event.key === "ArrowUp" && count) mark((active - 1 + count) % count);
    else if (event.key === "Enter") options()[Math.max(active, 0)]?.click();
    else return;
    event.preventDefault();
  };
  const ask = async (): Promise<void> => {
    waiting?.abort();
    const q = input.value.trim();
    const now = catalog.get();
    if (!q || now.state !== "ready") {
      fill(list);
      return show(false);
    }
    const { signal } = (waiting = new AbortController());
    const { asOf } = store.get();
    const layers = now.collections.filter(({ liangtian }) => liangtian.geometry && liangtian.count > 0);
    const found = await Promise.allSettled(
      layers.map(async (collection): Promise<Found> => {
        const query = { q, limit: EACH, skipGeometry: true, as_of: asOf };
        const answer = await api.get("/collections/{layer}/items", { path: { layer: collection.id }, query, signal });
        return { collection, features: answer.features, matched: answer.numberMatched ?? 0 };
      }),
    );
    if (signal.aborted) return;
    const good = found.flatMap((one) => (one.status === "fulfilled" && one.value.features.length ? [one.value] : []));
    const matched = good.reduce((sum, one) => sum + one.matched, 0);
    said.textContent = t("search.count", { count: matched });
    fill(list, ...(good.length ? good.map((one) => group(one, choose)) : [h("p", { class: "search-none" }, t("search.none", { q }))]));
    show(true);
  };
  const choose = async ({ id: layer }: Collection, { id: fid }: Feature): Promise<void> => {
    show(false);
    store.set({ selected: { layer, fid }, tab: "feature" });
    try {
      const { geometry } = await api.get("/collections/{layer}/items/{fid}", { path: { layer, fid } });
      if (geometry) board?.fit(geometry);
    } catch (error) {
      screen.report(error);
    }
  };
  const outside = (event: Event): void => {
    if (!root.contains(event.target as Node)) show(false);
  };
  document.addEventListener("pointerdown", outside);
  screen.follow(() => document.removeEventListener("pointerdown", outside));
  fill(root, h("div", { class: "search-field" }, icon("search", 18), input), list, said);
}

function group({ collection, features, matched }: Found, choose: (collection: Collection, feature: Feature) => Promise<void>): HTMLElement {
  const { label } = collection.liangtian;
  return h(
    "div",
    { role: "group", "aria-label": collection.title },
    h("p", { class: "search-group", "aria-hidden": "true" }, h("span", {}, collection.title), h("span", {}, integer(matched, language()))),
    ...features.map((feature) => {
      const { code, township } = feature.properties;
      const name = feature.properties[label ?? ""];
      return h(
        "div",
        { role: "option", id: `found-${collection.id}-${feature.id}`, class: "search-option", "aria-selected": "false", onclick: () => void choose(collection, feature) },
        h("span", {}, String(name ?? code ?? `#${feature.id}`)),
        h("span", { class: "note" }, [township, code].filter(Boolean).join(" · ")),
      );
    }),
  );
}
