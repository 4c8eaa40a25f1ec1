/** What the addresses of targets, questions, definitions and seals answer. */
import type { Bilingual } from "../../api/answers";

export type TargetUnit = "wan_mu" | "wan_m2" | "km" | "count";

export interface Share {
  code: string | null;
  title: string;
  count: number;
  current: number;
}

export interface Target {
  id: string;
  title: string;
  /** null: a state of the works is asked for (`stages`). */
  value: number | null;
  unit: TargetUnit;
  unit_title: string;
  due: string | null;
  scope: string;
  definition: Bilingual;
  source: string;
  /** null: the system holds no such data. */
  current: number | null;
  gap: number | null;
  share: number | null;
  counties: Share[];
  stages?: Share[];
  done?: string[];
  layer?: string;
  filter?: string | null;
  /** The field that is added up, where no area is. */
  sums?: string | null;
  count?: number;
  overlap_removed_m2?: number | null;
  method?: string;
  revision?: number;
  trend?: { revision: number; time: string; current: number }[];
}

export interface ParameterSchema {
  type?: string;
  format?: string;
  anyOf?: { type: string; format?: string; minimum?: number; maximum?: number }[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  description?: string;
}

export interface Question {
  name: string;
  title: string;
  text: string;
  parameters: Record<string, ParameterSchema>;
}

export type Value = string | number | boolean | null;

export interface AnswerColumn {
  name: string;
  title: string;
  unit?: string;
  codelist?: string;
}

export interface AnswerTable {
  name: string;
  title: string;
  columns: AnswerColumn[];
  labels: Record<string, Record<string, string>>;
  rows: Record<string, Value>[];
}

export interface QuestionAnswer {
  name: string;
  title: string;
  definition: Bilingual;
  revision: number;
  day: string;
  tables: AnswerTable[];
}

export interface Definition {
  id: string;
  title: Bilingual;
  text: Bilingual;
  layer: string;
  measure: "union" | "sum";
  filter: string | null;
  source: string;
}

/** Areas as whole millionths of m², so that every digit can be compared. */
export interface SealedRow {
  group: (string | number | null)[];
  count: number;
  units: number;
  removed_units: number;
  sums: number[];
}

export interface Seal {
  id: number;
  time: string;
  by: string;
  title: string;
  layer: string;
  revision: number;
  total: SealedRow;
}

export interface SealDocument {
  question: {
    layer: string;
    by: string[];
    definition: string | null;
    filters: Record<string, string>;
    measure: string;
    meaning: Bilingual | null;
    on: string[];
    sums: string[];
    within: unknown;
  };
  definition: Bilingual;
  method: Bilingual;
  revision: number;
  inputs: { layer: string; revision: number; features: number; sha256: string }[];
  result: SealedResult;
}

export interface SealedResult {
  rows: SealedRow[];
  total: SealedRow;
}

export interface Difference {
  layer: string;
  count: number;
  changed: number[];
  missing: number[];
  added: number[];
}

export interface Verdict extends Seal {
  ok: boolean;
  same_result: boolean;
  sealed: SealedResult;
  recomputed: SealedResult;
  changed_inputs: Difference[];
  changed_since: Difference[];
  other_libraries: Record<string, { sealed: string; now: string }>;
}

declare module "../../api/answers" {
  interface Answers {
    "/targets": { revision: number; targets: Target[] };
    "/targets/{target_id}": Target;
    "/questions": { questions: Question[] };
    "/totals/definitions": { definitions: Definition[] };
    "/seals": { seals: Seal[] };
    "/seals/{seal_id}": Seal & { document: SealDocument };
    "/seals/{seal_id}/verify": Verdict;
  }
}
