/** What screens may do with the map. The map itself stays while screens come and go. */
import type { FeatureRef } from "../app/state";
import type { Aggregate } from "./hits";
import type { Base } from "./base";
import type { Sketch, Sketches } from "./draw";
import type { Look, Raster } from "./overlay";

export type Box = [west: number, south: number, east: number, north: number];

/** Shapes or a picture that a screen lays over the map's layers. */
export interface Overlay {
  /** Shows these shapes, in place of those shown before. */
  shapes: (shapes: GeoJSON.FeatureCollection, look: Look) => void;
  /** Shows raster tiles, in place of what was shown before. */
  raster: (raster: Raster) => void;
  /** Shows nothing any more. */
  remove: () => void;
}

export interface Hit {
  at: [lon: number, lat: number];
  /** Features of the service's layers, the topmost first. */
  features: FeatureRef[];
  /** A cell of a tile in which features are too small to draw. */
  aggregate: Aggregate | null;
  /** Shapes of overlays: the overlay's name and the shape's own properties. */
  overlays: { overlay: string; id: string | number | undefined; properties: Record<string, unknown> }[];
}

/** One side of a comparison: the data as it was, or a picture in place of the themes. */
export interface Side {
  label: string;
  asOf?: string | null;
  raster?: Raster;
}

/** The map as it is seen, for printing. */
export interface Picture {
  canvas: HTMLCanvasElement;
  /** Pixels of the screen. */
  width: number;
  height: number;
  metresPerPixel: number;
}

export interface Board {
  /** The overlay of this name, made when it is not there; later ones lie above earlier ones. */
  overlay: (name: string) => Overlay;
  /** Shows the whole of a geometry, a box, or (null) of all data. */
  fit: (what: GeoJSON.Geometry | GeoJSON.FeatureCollection | Box | null) => void;
  /** What is in sight. */
  bounds: () => Box;
  /** Where clicks go; the last one asked for gets them. */
  onClick: (run: ((hit: Hit) => void) | null) => void;
  /** Marks a shape as the one that is spoken of. */
  highlight: (geometry: GeoJSON.Geometry | null) => void;
  /** Whether the service's layers are drawn (counties and districts always are). */
  thematic: (shown: boolean) => void;
  /**
   * Lets the reader draw: clicks, or Enter at the middle of the map, set corners; a double click
   * or the button ends it, Escape gives it up (null). `changed` tells of each corner.
   */
  draw: <K extends Sketch>(kind: K, changed?: (corners: [number, number][]) => void) => Promise<Sketches[K] | null>;
  /**
   * Lets the reader move, add and remove the corners of a shape, those of holes and parts too;
   * null when it is given up. `changed` tells of each step.
   */
  reshape: <G extends GeoJSON.Geometry>(shape: G, changed?: (shape: G) => void) => Promise<G | null>;
  /** Keeps the middle of the map clear of a sheet that lies over its lower part. */
  cover: (sheet: HTMLElement | null) => void;
  /** Two and a half zooms nearer, around a place. */
  zoomInAt: (at: [number, number]) => void;
  /** A map of somebody else under ours; null: our own ground. */
  base: (base: Base | null) => void;
  /** Two sides of the map with a bar between them; null ends it. */
  swipe: (sides: [left: Side, right: Side] | null) => void;
  picture: () => Promise<Picture>;
  /** Takes away overlays, click handlers, the mark and an unfinished drawing. */
  clear: () => void;
}
