/** What every panel is given. */
import type { Api, Collection } from "./api";
import type { Lang } from "./i18n";
import type { Aggregate } from "./map/view";
import type { FeatureRef, Store } from "./state";

export interface Context {
  api: Api;
  store: Store;
  /** The layers that the service offers; replaced as a whole. */
  catalog: Signal<Catalog>;
  /** What was last clicked beside the selected feature; not part of the address. */
  hit: Signal<{ features: FeatureRef[]; aggregate: Aggregate | null }>;
  actions: {
    reload: () => void;
    signIn: () => void;
    zoomTo: (geometry: GeoJSON.Geometry) => void;
    zoomInAt: (at: [number, number]) => void;
    /** Says in passing that something did not work. */
    report: (error: unknown) => void;
    highlight: (geometry: GeoJSON.Geometry | null) => void;
  };
}

export type Catalog =
  | { state: "loading" }
  | { state: "failed"; error: unknown }
  | { state: "ready"; lang: Lang; collections: Collection[] };

/** A value that tells when it changes. */
export class Signal<T> {
  private listeners: ((value: T) => void)[] = [];

  constructor(private current: T) {}

  get(): T {
    return this.current;
  }

  set(value: T): void {
    this.current = value;
    for (const run of [...this.listeners]) run(value);
  }

  on(run: (value: T) => void): void {
    this.listeners.push(run);
  }
}

export function collectionOf(catalog: Catalog, id: string): Collection | undefined {
  return catalog.state === "ready" ? catalog.collections.find((c) => c.id === id) : undefined;
}
