/**
 * Colours of the map. Class colours come from the code lists; where a list names none, Paul Tol's
 * "muted" scheme is used, which people with any colour blindness can tell apart.
 */
import type { Code } from "../api/answers";

const MUTED = [
  "#44aa99", "#ddcc77", "#cc6677", "#88ccee", "#117733", "#aa4499", "#999933", "#882255", "#332288",
] as const;

export const OTHER = "#a3a097";

export interface ClassColor {
  code: string;
  title: string;
  color: string;
}

export function classColors(codes: readonly Code[]): ClassColor[] {
  return codes.map((code, index) => ({
    code: code.const,
    title: code.title,
    color: code["x-color"] ?? MUTED[index % MUTED.length] ?? OTHER,
  }));
}

export interface Ground {
  outside: string;
  land: string;
  boundary: string;
  boundaryHalo: string;
  text: string;
  textSoft: string;
  halo: string;
  waterText: string;
  /** Around lines, so that dark and pale ones both stand off the land. */
  lineCase: string;
  select: string;
  selectCase: string;
  fillOpacity: number;
}

export const LIGHT: Ground = {
  outside: "#e7e4da",
  land: "#f7f5ee",
  boundary: "#8d8672",
  boundaryHalo: "#ffffff",
  text: "#2b322d",
  textSoft: "#5d655f",
  halo: "#f7f5ee",
  waterText: "#17577c",
  lineCase: "#ffffff",
  select: "#c2371f",
  selectCase: "#ffffff",
  fillOpacity: 0.78,
};

export const DARK: Ground = {
  outside: "#0f1413",
  land: "#1a211f",
  boundary: "#7d8a83",
  boundaryHalo: "#0f1413",
  text: "#e6ebe7",
  textSoft: "#a9b4ae",
  halo: "#131918",
  waterText: "#9bd0ec",
  lineCase: "#b9d3df",
  select: "#ffb454",
  selectCase: "#10201a",
  fillOpacity: 0.72,
};
