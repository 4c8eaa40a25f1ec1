/** Which layers are drawn before the reader chooses. */
import type { Catalog } from "../app/context";

/** Layers over the same land as another one: shown at the start they would hide the parcels. */
const HIDDEN_AT_FIRST: readonly string[] = ["farmland", "samples"];

export function defaultVisible(catalog: Catalog): string[] {
  if (catalog.state !== "ready") return [];
  return catalog.collections
    .filter(({ liangtian }) => liangtian.geometry)
    .filter(({ id }) => !HIDDEN_AT_FIRST.includes(id))
    .map(({ id }) => id);
}
