/** A raster on the map, from its TileJSON. */
import type { Board, Side } from "../../map/board";
import type { Raster } from "../../map/overlay";
import type { TileJson } from "./service";

export function rasterOf({ tiles, bounds, minzoom, maxzoom, tileSize }: TileJson, opacity = 1): Raster {
  return { tiles, bounds, minzoom, maxzoom, size: tileSize, opacity };
}

/** Two pictures with a bar between them, the earlier one left. */
export function swipePictures(board: Board | null, left: [label: string, json: TileJson], right: [label: string, json: TileJson]): void {
  board?.swipe([left, right].map(([label, json]) => ({ label, raster: rasterOf(json) })) as [Side, Side]);
}

/** Lays a picture over the map, without the themes that would cover it. */
export function showPicture(board: Board | null, json: TileJson, opacity = 1): void {
  board?.thematic(false);
  board?.overlay("picture").raster(rasterOf(json, opacity));
}
