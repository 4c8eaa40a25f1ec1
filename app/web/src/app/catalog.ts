/** The layers that the service offers: read at the start, looked at again now and then. */
import type { Collection } from "../api/answers";
import type { Api } from "../api/client";
import { loadNames } from "../map/names";
import type { MapLayer } from "../map/style";
import { classesOf, isStepped } from "../map/theme";
import type { MapView } from "../map/view";
import { defaultVisible } from "../map/visible";
import { collectionOf, type Catalog } from "./context";
import { cqlOf } from "./filters";
import type { Signal } from "./signal";
import type { Store } from "./state";

/** How often an open page asks whether the data changed. */
const REFRESH_MS = 60_000;

export class Catalogue {
  private readonly values = new Map<string, Promise<string[]>>();
  private drawn = 0;

  constructor(
    private readonly api: Api,
    private readonly store: Store,
    private readonly signal: Signal<Catalog>,
    private readonly layers: Signal<MapLayer[]>,
    private readonly map: MapView | null,
  ) {
    store.on(["visible", "filters", "themes", "asOf"], () => void this.draw());
    window.setInterval(() => {
      if (document.visibilityState === "visible") void this.load(true);
    }, REFRESH_MS);
  }

  /** `quiet` keeps what is shown until there is something newer; a new language is always newer. */
  async load(quiet = false): Promise<void> {
    if (!quiet) this.signal.set({ state: "loading" });
    const { lang } = this.store.get();
    try {
      const { collections } = await this.api.get("/collections", { headers: { Accept: "application/json" } });
      const before = this.signal.get();
      const known = before.state === "ready" && before.lang === lang ? revisions(before.collections) : "";
      if (lang !== this.store.get().lang || (quiet && known === revisions(collections))) return;
      this.signal.set({ state: "ready", lang, collections });
      await Promise.all([
        this.draw(),
        loadNames(this.api, collections).then((names) => this.map?.setNames(names)),
      ]);
    } catch (error) {
      if (!quiet) this.signal.set({ state: "failed", error });
    }
  }

  /** The values of a field that occur. Overlaps do not matter here, so the quick sum is asked for. */
  present(layer: string, field: string): Promise<string[]> {
    const revision = collectionOf(this.signal.get(), layer)?.liangtian.revision ?? 0;
    const key = `${layer}@${revision}/${field}`;
    let found = this.values.get(key);
    if (!found) {
      const query = { layer, by: field, measure: "sum", f: "json" } as const;
      found = this.api.get("/totals", { query }).then(({ rows }) =>
        rows.map(({ group }) => group[field]).flatMap((value) => (value === null || value === undefined ? [] : [String(value)])),
      );
      found.catch(() => this.values.delete(key));
      this.values.set(key, found);
    }
    return found;
  }

  /** The layers with their colours and filters, for the map and for whoever tells of it. */
  private async draw(): Promise<void> {
    const catalog = this.signal.get();
    if (catalog.state !== "ready") return;
    const mine = ++this.drawn;
    const layers = await Promise.all(catalog.collections.map((one) => this.layerOf(one, catalog)));
    if (mine !== this.drawn) return;
    this.layers.set(layers);
    this.map?.setLayers(layers, this.store.get().asOf);
  }

  private async layerOf(collection: Collection, catalog: Catalog): Promise<MapLayer> {
    const { visible, filters, themes } = this.store.get();
    const { id, liangtian: info } = collection;
    const shown = (visible ?? defaultVisible(catalog)).includes(id);
    const wanted = themes[id] ?? info.style.by;
    const plain = { collection, visible: shown, by: null, classes: [], filter: "" };
    if (!wanted && !filters[id]) return plain;
    try {
      const schema = await this.api.schema(id);
      const filter = cqlOf(filters[id], schema);
      const property = schema.properties[wanted ?? ""];
      if (!wanted || !property) return { ...plain, filter };
      const present = isStepped(property) ? await this.present(id, wanted) : [];
      return { ...plain, filter, by: wanted, classes: classesOf(property, present) };
    } catch {
      // One colour and all features: the panel of layers tells what could not be read.
      return plain;
    }
  }
}

function revisions(collections: Collection[]): string {
  return collections.map(({ id, liangtian }) => `${id}@${liangtian.revision}`).join();
}
