/** A small picture of how a layer is drawn, for legends. */
import type { Collection } from "../../api/answers";
import { isZone } from "../../map/style";
import { svg } from "../../ui/dom";

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
