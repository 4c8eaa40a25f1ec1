/** The layers that the service offers: read at the start, looked at again now and then. */
import type { Collection } from "../api/answers";
import type { Api } from "../api/client";
import { loadNames } from "../map/names";
import { classColors } from "../map/palette";
import type { MapLayer } from "../map/style";
import type { MapView } from "../map/view";
import { defaultVisible } from "../map/visible";
import type { Catalog } from "./context";
import type { Signal } from "./signal";
import type { Store } from "./state";

/** How often an open page asks whether the data changed. */
const REFRESH_MS = 60_000;

export class Catalogue {
  constructor(
    private readonly api: Api,
    private readonly store: Store,
    private readonly signal: Signal<Catalog>,
    private readonly map: MapView | null,
  ) {
    store.on(["visible"], () => void this.draw());
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

  /** The layers with the colours of their classes, as the map wants them. */
  private async draw(): Promise<void> {
    const catalog = this.signal.get();
    if (catalog.state !== "ready" || !this.map) return;
    const layers = await Promise.all(
      catalog.collections.map(async (collection): Promise<MapLayer> => {
        const { by } = collection.liangtian.style;
        const schema = by ? await this.api.schema(collection.id).catch(() => null) : null;
        const classes = by ? classColors(schema?.properties[by]?.oneOf ?? []) : [];
        return { collection, classes, visible: false };
      }),
    );
    const visible = this.store.get().visible ?? defaultVisible(catalog);
    this.map.setLayers(layers.map((layer) => ({ ...layer, visible: visible.includes(layer.collection.id) })));
  }
}

function revisions(collections: Collection[]): string {
  return collections.map(({ id, liangtian }) => `${id}@${liangtian.revision}`).join();
}
