/**
 * An optional map under ours: Tianditu, with the reader's own key, where the operator lets pages
 * ask it (LIANGTIAN_TIANDITU). Its datum is CGCS2000, so nothing is shifted.
 */
import type { LayerSpecification, SourceSpecification } from "maplibre-gl";

export const BASES = ["vec", "img", "ter"] as const;
export type BaseKind = (typeof BASES)[number];

export interface Base {
  kind: BaseKind;
  key: string;
}

const HOSTS = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => `https://t${n}.tianditu.gov.cn`);
const LABELS: Record<BaseKind, string> = { vec: "cva", img: "cia", ter: "cta" };
const MOST_ZOOM = 18;

export function baseParts(base: Base | null, dark: boolean): {
  sources: Record<string, SourceSpecification>;
  layers: LayerSpecification[];
} {
  if (!base) return { sources: {}, layers: [] };
  const sources: Record<string, SourceSpecification> = {};
  const layers: LayerSpecification[] = [];
  for (const name of [base.kind, LABELS[base.kind]]) {
    const id = `base:${name}`;
    const query = `T=${name}_w&x={x}&y={y}&l={z}&tk=${encodeURIComponent(base.key)}`;
    sources[id] = { type: "raster", tiles: HOSTS.map((host) => `${host}/DataServer?${query}`), tileSize: 256, maxzoom: MOST_ZOOM };
    layers.push({
      id,
      type: "raster",
      source: id,
      // Quiet enough for our themes to be read over it.
      paint: { "raster-saturation": -0.35, ...(dark && base.kind !== "img" ? { "raster-brightness-max": 0.55 } : {}) },
    });
  }
  return { sources, layers };
}

const STORED = "liangtian.tianditu";

/** What this reader chose; kept in this browser only. */
export function storedBase(): Base | null {
  try {
    const { kind, key } = JSON.parse(localStorage.getItem(STORED) ?? "{}") as Partial<Base>;
    const known = BASES.find((one) => one === kind);
    return known && typeof key === "string" && /^[0-9a-zA-Z]{8,64}$/.test(key) ? { kind: known, key } : null;
  } catch {
    return null;
  }
}

export function storeBase(base: Base | null): void {
  try {
    if (base) localStorage.setItem(STORED, JSON.stringify(base));
    else localStorage.removeItem(STORED);
  } catch {
    // Private windows may refuse: the choice holds until the page is closed.
  }
}
