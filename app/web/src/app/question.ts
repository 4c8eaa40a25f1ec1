/** What the reader has narrowed the data down to, in the words of the service. */
import type { Totals } from "../api/answers";
import type { App } from "./context";
import { cqlOf } from "./filters";
import type { State } from "./state";

/** The drawn area as a polygon. */
export function areaOf({ area }: Pick<State, "area">): GeoJSON.Polygon | null {
  const [first] = area ?? [];
  return area && first ? { type: "Polygon", coordinates: [[...area, first]] } : null;
}

/** `filter` and `as_of` of a layer, for items, downloads and tiles. The area is added to the filter where it counts. */
export async function narrowed(
  { api, store }: Pick<App, "api" | "store">,
  layer: string,
  { withArea = true } = {},
): Promise<{ filter?: string; as_of?: string }> {
  const state = store.get();
  const conditions = state.filters[layer];
  const cql = conditions?.length ? cqlOf(conditions, await api.schema(layer)) : "";
  const area = withArea ? areaOf(state) : null;
  const filter = [cql, area ? `S_INTERSECTS(geometry, ${wkt(area)})` : ""].filter(Boolean).join(" AND ");
  return { ...(filter ? { filter } : {}), ...(state.asOf === null ? {} : { as_of: state.asOf }) };
}

/** Totals of what the reader sees: filters, time and area hold; features are cut at the area's edge. */
export async function askTotals(app: Pick<App, "api" | "store">, layer: string, by: string, signal?: AbortSignal): Promise<Totals> {
  const question = { layer, by: by || null, ...(await narrowed(app, layer, { withArea: false })) };
  const within = areaOf(app.store.get());
  const signalled = signal ? { signal } : {};
  if (within) return app.api.post<"/totals", Totals>("/totals", { json: { ...question, within }, ...signalled });
  return app.api.get("/totals", { query: { ...question, f: "json" }, ...signalled });
}

function wkt({ coordinates: [ring = []] }: GeoJSON.Polygon): string {
  return `POLYGON((${ring.map(([lon, lat]) => `${lon} ${lat}`).join(", ")}))`;
}
