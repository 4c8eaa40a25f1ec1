/** What the service answers to the screens of people, tokens and kept edits. */
import type { Difference, Role } from "../../api/answers";

export interface Person {
  name: string;
  role: Role;
  counties: string[] | null;
  disabled: boolean;
}

export interface Token {
  id: number;
  label: string;
  role: Role | null;
  layers: string[] | null;
  counties: string[] | null;
  created_at: string;
  expires_at: string | null;
}

export interface Conflict {
  id: number;
  layer: string;
  fid: number;
  state: "open" | "mine" | "theirs" | "merged";
  operation: "update" | "delete";
  author: string;
  reason: string;
  created_at: string;
  clashes: string[];
  mine: Difference;
  theirs: Difference;
  shapes: Record<"base" | "mine" | "theirs", GeoJSON.Geometry | null>;
}

declare module "../../api/answers" {
  interface Answers {
    "/people": { people: Person[] };
    "/people/{name}": Person & { tokens: Token[] };
    "/auth/tokens": { tokens: Token[] };
    "/conflicts": { conflicts: Conflict[] };
    "/conflicts/{number}": Conflict;
  }
}
