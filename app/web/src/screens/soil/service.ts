/** What the soil addresses answer, and the calls that the screens make. */
import type { Bilingual, Job, Problem } from "../../api/answers";
import type { Api } from "../../api/client";

export interface Scene {
  id: string;
  geometry: GeoJSON.Geometry;
  bbox: [number, number, number, number];
  properties: {
    title?: string;
    datetime: string;
    "liangtian:sensor": string;
    "liangtian:scaling"?: string;
    "liangtian:dark_nir"?: number | null;
    "liangtian:warnings"?: (Bilingual & { code: string })[];
    "liangtian:retired"?: boolean;
    "liangtian:composite"?: Record<string, unknown> | null;
    "proj:transform"?: number[];
    "proj:code"?: string;
  };
  assets: { data: { bands: { name: string }[] } };
}

export interface Index {
  id: string;
  title: Bilingual;
  formula: string;
  bands: string[];
  group: string;
  direction: string;
  citation: string;
  pitfall: Bilingual;
}

export interface Grading {
  id: string;
  title: Bilingual;
  kind: string;
  source: string;
  axes: { indicator: string; unit: string; cuts: number[] }[];
  grades: { code: string; title: Bilingual; color: string }[];
}

export interface Mask {
  id: string;
  title: Bilingual;
  bands: string[][];
  parameter: string | null;
  default: string | null;
}

interface Common {
  title: Bilingual;
  formula: string;
  meaning: Bilingual;
  transparent: Bilingual;
}
export interface IndexLegend extends Common {
  kind: "index";
  range: [number, number];
  stops: { value: number; color: string }[];
  pitfall: Bilingual;
  citation: string;
}
export interface GradeLegend extends Common {
  kind: "grades";
  source: string;
  grades: { code: string; title: Bilingual; color: string; from: number | null; below: number | null }[];
}
export interface CompositeLegend {
  kind: "composite";
  bands: string[];
  transparent: Bilingual;
}
export type Legend = IndexLegend | GradeLegend | CompositeLegend;

export interface TileJson {
  name: string;
  tiles: string[];
  bounds: [number, number, number, number];
  minzoom: number;
  maxzoom: number;
  tileSize: number;
  legend: Legend;
}

export interface AreaRow {
  group: string | number | null;
  label?: string | null;
  count: number;
  /** m² by the label of a grade; empty where nobody saw anything. */
  grades: Record<string, number>;
  masked_m2: number;
  outside_m2: number;
  area_m2: number;
  masked: Record<string, number>;
  observed_share: number;
  status: "observed" | "partly" | "not_observed";
}

export interface About {
  overlap_removed_m2: number;
  method: Bilingual;
  definition: Bilingual;
  scenes: string[];
  warnings: (Bilingual & { code: string })[];
  layer: string | null;
  revision: number;
}

export interface Areas extends About {
  by: string;
  rows: (AreaRow & { before?: Omit<AreaRow, "group" | "area_m2"> })[];
  sum: AreaRow;
  union: AreaRow;
}

export interface ChangeRow {
  group: string | number | null;
  label?: string | null;
  count: number;
  /** m² from a grade to a grade. */
  matrix: Record<string, Record<string, number>>;
  improved_m2: number | null;
  worsened_m2: number | null;
  changed_m2: number;
  stable_m2: number;
  observed_m2: number;
  unobserved_m2: number;
  area_m2: number;
  status: string;
}

export interface Change extends About {
  by: string;
  labels: string[];
  rows: ChangeRow[];
  sum: ChangeRow;
  union: ChangeRow;
}

export interface Run {
  id: number;
  state: Job["state"];
  created_at?: string;
  person?: string;
  progress?: Job["progress"];
  problem: Problem | null;
  question: {
    scenes: string[];
    spec: { index?: string; model?: number };
    grading: string | { cuts: number[]; labels: string[] };
    masks?: string[];
    splits?: string[];
    zones: { layer?: string; filter?: string; geometries?: string };
  };
  labels?: string[];
  union?: AreaRow;
}

export interface Series {
  index: { id: string; title: Bilingual; formula: string };
  definition: Bilingual;
  rows: {
    datetime: string;
    scene: string;
    sensor: string;
    mean: number | null;
    p10: number | null;
    p90: number | null;
    observed_share: number;
    masks: string[];
  }[];
  samples: ({ fid: number; date: string | null } & Record<string, string | number | null>)[];
}

export interface Measures {
  n: number;
  r2: number | null;
  rmse: number | null;
  mae: number | null;
  bias: number | null;
  ccc: number | null;
  rpd: number | null;
  rpiq: number | null;
}

export interface Calibration {
  id: number;
  state: Job["state"];
  created_at: string;
  person: string;
  target: string;
  model: string;
  features: string[];
  scenes: string[];
  cv: { method: string; size_m: number };
  overall: Measures | null;
  formula: string | null;
  problem: Problem | null;
  progress?: Job["progress"];
  unit?: string;
  title?: Bilingual;
  method?: Bilingual;
  per_fold?: (Measures & { fold: number })[];
  samples?: { observed: number[]; predicted: number[]; fold: number[]; code: (string | null)[]; lon: number[]; lat: number[]; residual: number[] };
  counts?: Record<string, number>;
  revision?: number;
}

export interface AccuracyRow {
  class: string;
  samples_map: number;
  samples_reference: number;
  map_area_m2: number;
  area_m2: number;
  se_m2: number | null;
  ci95_m2: number | null;
  users: number | null;
  users_ci95: number | null;
  producers: number | null;
  producers_ci95: number | null;
}

export interface AccuracyAnswer {
  design: string;
  classes: AccuracyRow[];
  overall: { accuracy: number | null; accuracy_ci95: number | null; samples: number } | null;
  intervals: boolean;
  refused: Bilingual | null;
  warnings: Bilingual[];
  method: Bilingual;
}

/** Answers that the OpenAPI document leaves open, by what is asked. */
export class Soil {
  constructor(readonly api: Api) {}

  async scenes(): Promise<Scene[]> {
    const { features } = (await this.api.get("/soil/scenes")) as unknown as { features: Scene[] };
    return [...features].sort((a, b) => b.properties.datetime.localeCompare(a.properties.datetime));
  }

  async indices(): Promise<Index[]> {
    return ((await this.api.get("/soil/indices")) as unknown as { indices: Index[] }).indices;
  }

  async gradings(): Promise<Grading[]> {
    return ((await this.api.get("/soil/gradings")) as unknown as { gradings: Grading[] }).gradings;
  }

  async masks(): Promise<Mask[]> {
    return ((await this.api.get("/soil/masks")) as unknown as { masks: Mask[] }).masks;
  }

  async picture(scene: string, query: { index?: string; bands?: string; mask?: string }): Promise<TileJson> {
    return (await this.api.get("/soil/scenes/{scene_id}/tiles.json", { path: { scene_id: scene }, query })) as unknown as TileJson;
  }

  async grades(run: number): Promise<TileJson> {
    return (await this.api.get("/soil/runs/{run_id}/tiles.json", { path: { run_id: run } })) as unknown as TileJson;
  }

  async run(id: number): Promise<Run> {
    return (await this.api.get("/soil/runs/{run_id}", { path: { run_id: id } })) as unknown as Run;
  }

  /** Newest first. */
  async runs(): Promise<Run[]> {
    return ((await this.api.get("/soil/runs")) as unknown as { runs: Run[] }).runs;
  }

  async areas(run: number, by: string): Promise<Areas> {
    return (await this.api.get("/soil/runs/{run_id}/areas", { path: { run_id: run }, query: { by } })) as unknown as Areas;
  }

  async change(run: number, by: string): Promise<Change> {
    return (await this.api.get("/soil/runs/{run_id}/change", { path: { run_id: run }, query: { by } })) as unknown as Change;
  }

  async series(layer: string, fid: number, index: string): Promise<Series> {
    return (await this.api.get("/collections/{layer}/items/{fid}/series", { path: { layer, fid }, query: { index } })) as unknown as Series;
  }

  async calibrations(): Promise<Calibration[]> {
    return ((await this.api.get("/soil/calibrations")) as unknown as { calibrations: Calibration[] }).calibrations;
  }

  async calibration(id: number): Promise<Calibration> {
    return (await this.api.get("/soil/calibrations/{calibration_id}", { path: { calibration_id: id } })) as unknown as Calibration;
  }
}

/** Keys of a scene's bands. */
export function bandsOf(scene: Scene): string[] {
  return scene.assets.data.bands.map(({ name }) => name);
}

/** Whether a scene has all bands of an index. */
export function fits(index: Index, scene: Scene): boolean {
  const there = new Set(bandsOf(scene));
  return index.bands.every((band) => there.has(band));
}

/** Whether a scene has the bands of one of a mask's ways. */
export function masks(mask: Mask, scene: Scene): boolean {
  const there = new Set(bandsOf(scene));
  return mask.bands.some((way) => way.every((band) => there.has(band)));
}
