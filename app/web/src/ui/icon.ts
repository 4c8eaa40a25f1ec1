/** The page's signs, drawn on a grid of 24 with one stroke. */
import { svg } from "./dom";

const PATHS = {
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  home: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  close: "M6 6l12 12M18 6L6 18",
  search: "M11 4a7 7 0 1 0 0 14a7 7 0 1 0 0-14M16 16l4.5 4.5",
  filter: "M4 5h16l-6 8v6l-4-2v-4z",
  table: "M4 5h16v14H4zM4 10h16M4 14.5h16M10 10v9",
  polygon: "M5 8l8-3l6 7l-4 7l-9-2z",
  clock: "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16M12 8v4.5l3 2",
  compare: "M12 3v18M4 6h5v12H4M20 6h-5v12h5",
  download: "M12 4v11M7.5 11L12 15.5L16.5 11M5 20h14",
  upload: "M12 16V5M7.5 9L12 4.5L16.5 9M5 20h14",
  print: "M7 9V4h10v5M7 17H4V9h16v8h-3M7 14h10v6H7z",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1.2 1.2M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1.2-1.2",
  layers: "M12 4l8.5 4.5L12 13L3.5 8.5zM3.5 12.5L12 17l8.5-4.5M3.5 16.5L12 21l8.5-4.5",
  map: "M4 6l5-2l6 2l5-2v14l-5 2l-6-2l-5 2zM9 4v14M15 6v14",
  figures: "M5 20V10M12 20V4M19 20v-7M3 20h18",
  soil: "M3 7c3-2 6 2 9 0s6-2 9 0M3 12c3-2 6 2 9 0s6-2 9 0M3 17c3-2 6 2 9 0s6-2 9 0",
  check: "M5 12.5l4.5 4.5L19 7.5",
  warning: "M12 4l9 16H3zM12 10v4.5M12 17v.5",
  more: "M5 12h.5M12 12h.5M19 12h.5",
  chevron: "M9 6l6 6l-6 6",
  back: "M15 6l-6 6l6 6",
  sort: "M8 5v14M4.5 15.5L8 19l3.5-3.5M16 19V5M12.5 8.5L16 5l3.5 3.5",
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName, size = 20): SVGSVGElement {
  const stroke = { fill: "none", stroke: "currentColor", "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round" };
  return svg(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true" },
    svg("path", { d: PATHS[name], ...stroke }),
  );
}
