/**
 * What the service answers. The OpenAPI document types addresses, parameters and bodies
 * (schema.d.ts); answers it leaves open, so their shapes are stated here. A screen adds its own:
 *
 *     declare module "../../api/answers" { interface Answers { "/targets": Targets } }
 */
import type { components } from "./schema";

export type Problem = components["schemas"]["Problem"];
export type Geometry = "Point" | "MultiLineString" | "MultiPolygon";
export type Bilingual = { zh: string; en: string };

export interface LayerStyle {
  color: string;
  outline: string | null;
  by: string | null;
  min_zoom: number;
  order: number;
}

export interface LayerInfo {
  geometry: Geometry | null;
  label: string | null;
  class_field: string | null;
  county_field: string | null;
  datetime_field?: string | null;
  revision: number;
  count: number;
  area_m2: number | null;
  /** Who may edit. */
  commit_role: Role;
  style: LayerStyle;
}

export interface Collection {
  id: string;
  title: string;
  description?: string;
  extent?: { spatial?: { bbox?: number[][] } };
  liangtian: LayerInfo;
}

export interface Code {
  const: string;
  title: string;
  "x-color"?: string | null;
}

export interface Property {
  title?: string;
  type?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  /** Computed by the service. */
  readOnly?: boolean;
  "x-unit"?: string | null;
  oneOf?: Code[];
}

export interface Schema {
  properties: Record<string, Property>;
  required?: string[];
}

export interface Feature {
  type: "Feature";
  id: number;
  geometry: GeoJSON.Geometry | null;
  properties: Record<string, unknown>;
}

export interface FeatureCollection {
  type: "FeatureCollection";
  features: Feature[];
  numberMatched?: number;
  numberReturned?: number;
  links?: { rel: string; href: string }[];
}

export interface Area {
  area_m2: number;
}

export interface TotalRow extends Area {
  group: Record<string, string | number | boolean | null>;
  count: number;
}

export interface Totals {
  rows: TotalRow[];
  total: Area & { count: number };
  overlap_removed?: Area | null;
  method?: Bilingual;
  definition?: Bilingual;
  /** What the values of groups are called, by grouping. */
  titles?: Record<string, Record<string, Bilingual>>;
  revision: number;
  /** When that revision was made. */
  time?: string | null;
}

export interface Job {
  id: number;
  kind: string;
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  /** What is being done, and how much of it is (0 to 1). */
  progress: { stage: string; fraction: number } | null;
  result: Record<string, unknown> | null;
  problem: Problem | null;
}

/** Each includes those before it. */
export const ROLES = ["viewer", "field", "agronomist", "manager", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Who asks; a role of null is nobody. */
export interface Me {
  name: string | null;
  role: Role | null;
  by: "session" | "token" | null;
}

/** What a version changed of another: values before and after by field, and whether the shape. */
export interface Difference {
  properties: Record<string, [before: unknown, after: unknown]>;
  geometry: boolean;
}

export interface Photo {
  id: number;
  href: string;
  author: string;
  created_at: string;
}

export interface Revision {
  revision: number;
  time: string;
  /** Changes by layer and kind. */
  counts: Record<string, Record<string, number>>;
}

export interface Version {
  version: number;
  revision: number;
  operation: "insert" | "update" | "delete";
  time: string;
  author: string;
  reason: string | null;
  source: string | null;
  area_m2?: number;
  length_m?: number;
  properties: Record<string, unknown> | null;
  geometry: GeoJSON.Geometry | null;
}

/** A scene as the map needs it: a STAC item. */
export interface Scene {
  id: string;
  bbox?: number[];
  geometry: GeoJSON.Geometry | null;
  properties: { datetime: string; title?: string };
}

export interface TileJson {
  tiles: string[];
  bounds?: [number, number, number, number];
  minzoom?: number;
  maxzoom?: number;
}

/** What the operator of the service allows pages. */
export interface Offers {
  tianditu: boolean;
}

/** The JSON answer of each address, by the address as the OpenAPI document writes it. */
export interface Answers {
  "/": { liangtian: Offers };
  "/collections": { collections: Collection[] };
  "/collections/{layer}/schema": Schema;
  "/collections/{layer}/items": FeatureCollection;
  "/collections/{layer}/items/{fid}": Feature;
  "/collections/{layer}/items/{fid}/history": { versions: Version[] };
  "/collections/{layer}/items/{fid}/photos": { photos: Photo[] };
  "/revisions": { revisions: Revision[] };
  "/soil/scenes": { features: Scene[] };
  "/soil/indices": { indices: { id: string; title: Bilingual }[] };
  "/soil/scenes/{scene_id}/tiles.json": TileJson;
  "/totals": Totals;
  "/jobs/{job_id}": Job;
  "/auth/me": Me;
}

/** The answer of an address; `unknown` where nobody has stated it. */
export type Answer<P> = P extends keyof Answers ? Answers[P] : unknown;
