/** Shapes and pictures over the map's layers, as parts of its style. */
import type { ExpressionSpecification, LayerSpecification, SourceSpecification } from "maplibre-gl";
import type { Ground } from "./palette";

/** How an overlay's shapes look. */
export interface Look {
  color: string;
  /** Colours by the value of a property; `color` for all others. */
  by?: { property: string; colors: Record<string, string> };
  /** 0 to 1; 0 draws outlines only. */
  fill?: number;
  /** Pixels; 0 draws no line. */
  width?: number;
  dash?: number[];
  /** The property that is written beside each shape. */
  label?: string;
}

/** Raster tiles, for instance of a scene or of a run's grades. */
export interface Raster {
  tiles: string[];
  bounds?: [number, number, number, number];
  minzoom?: number;
  maxzoom?: number;
  /** Pixels of a tile's side. */
  size?: number;
  opacity?: number;
}

export type Content = { shapes: GeoJSON.FeatureCollection; look: Look } | { raster: Raster };

const PREFIX = "over:";

/** The overlay that a source belongs to, or null. */
export function overlayOf(source: string): string | null {
  return source.startsWith(PREFIX) ? source.slice(PREFIX.length) : null;
}

export interface Parts {
  sources: Record<string, SourceSpecification>;
  pictures: LayerSpecification[];
  shapes: LayerSpecification[];
  labels: LayerSpecification[];
}

export function overlayParts(contents: ReadonlyMap<string, Content>, ground: Ground, font: string[]): Parts {
  const parts: Parts = { sources: {}, pictures: [], shapes: [], labels: [] };
  for (const [name, content] of contents) {
    const id = PREFIX + name;
    if ("raster" in content) {
      const { tiles, bounds, minzoom, maxzoom, size = 256, opacity = 1 } = content.raster;
      parts.sources[id] = {
        type: "raster",
        tiles,
        tileSize: size,
        ...(bounds ? { bounds } : {}),
        ...(minzoom === undefined ? {} : { minzoom }),
        ...(maxzoom === undefined ? {} : { maxzoom }),
      };
      parts.pictures.push({
        id: `${id}:picture`,
        type: "raster",
        source: id,
        paint: { "raster-opacity": opacity, "raster-fade-duration": 0, "raster-resampling": "nearest" },
      });
    } else {
      parts.sources[id] = { type: "geojson", data: content.shapes };
      parts.shapes.push(...shapeLayers(id, content.look, ground));
      if (content.look.label) parts.labels.push(labelLayer(id, content.look.label, ground, font));
    }
  }
  return parts;
}

function colorOf({ color, by }: Look): string | ExpressionSpecification {
  const pairs = Object.entries(by?.colors ?? {}).flat();
  if (!by || !pairs.length) return color;
  return ["match", ["to-string", ["get", by.property]], ...pairs, color] as unknown as ExpressionSpecification;
}

function shapeLayers(id: string, look: Look, ground: Ground): LayerSpecification[] {
  const { fill = 0.25, width = 2, dash } = look;
  const color = colorOf(look);
  const layers: LayerSpecification[] = [
    {
      id: `${id}:fill`,
      type: "fill",
      source: id,
      filter: ["==", ["geometry-type"], "Polygon"],
      // With 0 the shape still takes clicks.
      paint: { "fill-color": color, "fill-opacity": fill, "fill-antialias": false },
    },
    {
      id: `${id}:point`,
      type: "circle",
      source: id,
      filter: ["==", ["geometry-type"], "Point"],
      paint: {
        "circle-color": color,
        "circle-radius": ["interpolate", ["linear"], ["zoom"], 7, 3, 14, 6],
        "circle-stroke-color": ground.halo,
        "circle-stroke-width": 1.5,
      },
    },
  ];
  if (width > 0) {
    layers.splice(1, 0, {
      id: `${id}:line`,
      type: "line",
      source: id,
      filter: ["!=", ["geometry-type"], "Point"],
      layout: { "line-join": "round" },
      paint: { "line-color": color, "line-width": width, ...(dash ? { "line-dasharray": dash } : {}) },
    });
  }
  return layers;
}

function labelLayer(id: string, property: string, ground: Ground, font: string[]): LayerSpecification {
  return {
    id: `${id}:label`,
    type: "symbol",
    source: id,
    layout: { "text-field": ["to-string", ["get", property]], "text-font": font, "text-size": 12, "text-padding": 4 },
    paint: { "text-color": ground.text, "text-halo-color": ground.halo, "text-halo-width": 1.6 },
  };
}
