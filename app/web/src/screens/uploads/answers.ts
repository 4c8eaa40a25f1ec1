/** The shapes of what the service says about uploads (geo/intake/report.py). */
import type { Bilingual, Feature, Problem } from "../../api/answers";

export type UploadState =
  | "inspecting" | "needs_input" | "ready" | "committing" | "committed" | "rejected" | "reverted" | "discarded";
export type Severity = "error" | "warning" | "note";
export type Status = "new" | "changed" | "unchanged" | "absent" | "valid" | "rejected" | "deleted";
export type Mode = "append" | "upsert" | "replace";
type Place = [lon: number, lat: number];
type Pair = [zh: string, en: string];

export interface UploadRow {
  id: number;
  layer: string;
  file_name: string;
  size: number;
  state: UploadState;
  job: number | null;
  person: string | null;
  decisions: Decisions;
  revision: number | null;
  reverted_by: number | null;
  created_at: string;
  updated_at: string;
}

export interface Upload extends UploadRow {
  report: Report | null;
}

/** What a person may decide; see geo/intake/decide.py. */
export interface Decisions {
  source_layer?: string | null;
  encoding?: string | null;
  crs?: string | null;
  swap_xy?: boolean | null;
  mapping?: Record<string, string | null>;
  units?: Record<string, string>;
  constants?: Record<string, string>;
  repair?: "none" | "structure";
  identity?: "key" | "geometry" | "similarity";
  mode?: Mode | null;
}

export interface Issue {
  code: string;
  severity: Severity;
  zh: string;
  en: string;
  row: number | null;
  where: string | null;
  point?: Place | null;
  fix?: Pair | null;
  decision?: string | null;
}

export interface CountyShare {
  code: string;
  title: string;
  share: number;
}

export interface Candidate {
  crs: string;
  swapped: boolean;
  confidence: number;
  in_region: boolean;
  zh: string;
  en: string;
  extent: [number, number, number, number] | null;
  outline: Place[];
  counties: CountyShare[];
}

export interface MappedField {
  field: string;
  column: string | null;
  decided_by: string;
  samples: string[];
  unit: string | null;
}

export interface Overlap {
  row: number;
  other_row: number | null;
  fid: number | null;
  key: string | null;
  mu: number;
  m2: number;
  point: Place;
}

export interface Overlaps {
  pairs: number;
  rows: number;
  m2: number;
  largest: Overlap[];
}

export interface Difference {
  new: number;
  changed: number;
  unchanged: number;
  absent: number;
  scope: string[];
}

/** A file that could not be read at all has issues only. */
export interface Report {
  mode?: Mode | null;
  format?: { id: string; layer: string | null; layers: string[] } | null;
  encoding?: { value: string; decided_by: string; contradicted: string | null; cut: number; samples: string[]; choices: string[] } | null;
  crs?: {
    value: string | null;
    name: string | null;
    decided_by: string | null;
    swapped: boolean;
    candidates: Candidate[];
    extent: [number, number, number, number] | null;
    counties: CountyShare[];
  } | null;
  mapping?: { fields: MappedField[]; unmapped: { column: string; samples: string[] }[]; missing: string[] };
  counts?: { records: number; deleted: number; read: number; valid: number; repaired: number; rejected: number };
  issues: Issue[];
  issue_counts: Record<string, number>;
  areas?: {
    computed_m2: number;
    field: string | null;
    stated_m2: number | null;
    compared_m2: number | null;
    difference_m2: number | null;
    method: Partial<Bilingual>;
  } | null;
  overlaps?: { inside: Overlaps; stored: Overlaps } | null;
  diff?: Difference;
}

export interface PreviewRow extends Feature {
  properties: Record<string, unknown> & {
    _row: number | null;
    _fid: number | null;
    _status: Status;
    _issues: { code: string; severity: Severity; message: string }[];
  };
}

export interface Preview {
  type: "FeatureCollection";
  features: PreviewRow[];
  numberMatched: number;
  next: number | null;
}

/** A fault with the place where it is, if it has one. */
export interface Fault {
  code: string;
  severity: Severity;
  row: number | null;
  where: string | null;
  message: string;
  fix: string | null;
}

/** What a refused revert or commit adds to its problem. */
export type JobProblem = Problem & { en?: { detail?: string; fix?: string }; features?: { fid: number }[]; count?: number };

declare module "../../api/answers" {
  interface Answers {
    "/uploads": { uploads: UploadRow[] };
    "/uploads/{upload_id}": Upload;
    "/uploads/{upload_id}/preview": Preview;
  }
  interface LayerInfo {
    /** Fields of the business key. */
    key?: string[];
  }
}
