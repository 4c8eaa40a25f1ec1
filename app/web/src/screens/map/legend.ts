/** Legends: which classes of a layer occur, and how they are drawn. */
import type { Collection } from "../../api/answers";
import type { Api } from "../../api/client";
import { isZone } from "../../map/style";
import { svg } from "../../ui/dom";

/** Classes that occur: a long code list would bury the few that are on the map. Overlaps do not matter, so the quick sum is asked for. */
export async function presentCodes(api: Api, { id }: Collection, by: string): Promise<Set<string> | null> {
  try {
    const { rows } = await api.get("/totals", { query: { layer: id, by, measure: "sum", f: "json" } });
    return new Set(rows.map(({ group }) => String(group[by] ?? "")));
  } catch {
    return null;
  }
}

/** A small picture of how the layer is drawn: a field, a line or a dot. */
export function swatch(collection: Collection, color: string, width = 1): SVGSVGElement {
  const { geometry } = collection.liangtian;
  const shape =
    geometry === "MultiLineString" ? svg("path", { d: "M1 10 L7 4 L11 9 L17 3", fill: "none", stroke: color, "stroke-width": 2.2 * width })
    : geometry === "Point" ? svg("circle", { cx: 9, cy: 7, r: 4.2, fill: color })
    : isZone(collection) ? svg("rect", { x: 1.5, y: 1.5, width: 15, height: 11, rx: 2, fill: color, "fill-opacity": 0.16, stroke: color, "stroke-width": 1.6 })
    : svg("rect", { x: 1, y: 1, width: 16, height: 12, rx: 2, fill: color });
  return svg("svg", { class: "swatch", viewBox: "0 0 18 14", width: 18, height: 14, "aria-hidden": "true" }, shape);
}
