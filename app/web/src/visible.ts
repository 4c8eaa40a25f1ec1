/** Which layers are drawn before the reader chooses. */
import type { Catalog } from "./context";

/**
 * Layers that cover the same land as another one: shown at the start they would hide the parcels.
 * A definition may say so itself (`style.visible`); this list is for definitions that do not.
 */
const HIDDEN_AT_FIRST: readonly string[] = ["farmland", "samples"];

export function defaultVisible(catalog: Catalog): string[] {
  if (catalog.state !== "ready") return [];
  return catalog.collections
    .filter(({ liangtian }) => liangtian.geometry)
    .filter(({ id, liangtian }) => liangtian.style.visible ?? !HIDDEN_AT_FIRST.includes(id))
    .map(({ id }) => id);
}
