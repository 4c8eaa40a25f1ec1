/** Buttons on the map, and the line that says where the pointer is. */
import { fill, h, svg } from "../ui/dom";
import { position } from "../ui/format";
import { t } from "../i18n";
import type { Hover } from "./hits";

export interface MapActions {
  zoomIn: () => void;
  zoomOut: () => void;
  home: () => void;
}

const ICONS = {
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  home: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
} as const;

function icon(name: keyof typeof ICONS): SVGSVGElement {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", width: 20, height: 20, "aria-hidden": "true" },
    svg("path", { d: ICONS[name], fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round" }),
  );
}

export function mapButtons(root: HTMLElement, { zoomIn, zoomOut, home }: MapActions): void {
  const one = (name: keyof typeof ICONS, title: string, onclick: () => void): HTMLElement =>
    h("button", { type: "button", title, "aria-label": title, onclick }, icon(name));
  fill(
    root,
    one("plus", t("map.zoomIn"), zoomIn),
    one("minus", t("map.zoomOut"), zoomOut),
    one("home", t("map.home"), home),
  );
}

/** A small label beside the pointer; it turns to the other side near the right edge. */
export function showHover(root: HTMLElement, hover: Hover | null): void {
  root.hidden = hover === null;
  if (!hover) return;
  fill(root, h("strong", {}, hover.title), h("span", {}, hover.note));
  const width = root.parentElement?.clientWidth ?? 0;
  const left = hover.at.x + 14 + root.offsetWidth > width ? hover.at.x - 14 - root.offsetWidth : hover.at.x + 14;
  root.style.setProperty("transform", `translate(${left}px, ${hover.at.y + 14}px)`);
}

export function showPosition(root: HTMLElement, at: { lng: number; lat: number } | null): void {
  root.textContent = at ? `${position(at.lng, at.lat)}  ${t("map.datum")}` : "";
}
