/** Typed client of the service. Only this module calls `fetch`. */
import { language } from "./i18n";

export type Geometry = "Point" | "MultiLineString" | "MultiPolygon";

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
  revision: number;
  count: number;
  area_m2: number | null;
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
  type?: string | string[];
  format?: string;
  "x-unit"?: string | null;
  oneOf?: Code[];
}

export interface Schema {
  properties: Record<string, Property>;
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
}

export interface Area {
  area_m2: number;
}

export interface TotalRow extends Area {
  group: Record<string, string | number | boolean | null>;
  count: number;
}

type Bilingual = { zh: string; en: string };

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

/** A refusal or a failure, with what the service said about it. */
export class ApiError extends Error {
  constructor(
    readonly status: number, // 0: no answer at all
    readonly code: string,
    message: string,
    readonly fix?: string,
  ) {
    super(message);
  }
}

const TOKEN = "liangtian.token";

export class Api {
  private schemas = new Map<string, Promise<Schema>>();
  /** Called when the service answers 401; `refused`: it did not accept the token that was sent. */
  onUnauthorized: (refused: boolean) => void = () => undefined;

  get token(): string | null {
    return sessionStorage.getItem(TOKEN);
  }

  setToken(token: string | null): void {
    if (token) sessionStorage.setItem(TOKEN, token);
    else sessionStorage.removeItem(TOKEN);
    this.schemas.clear();
  }

  headers(): Record<string, string> {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }

  async collections(): Promise<Collection[]> {
    return (await this.get<{ collections: Collection[] }>("/collections", { f: "json" })).collections;
  }

  /** Kept per language until the page is reloaded: definitions change with a new release only. */
  schema(layer: string): Promise<Schema> {
    const key = `${language()}/${layer}`;
    let schema = this.schemas.get(key);
    if (!schema) {
      schema = this.get<Schema>(`/collections/${layer}/schema`, {});
      schema.catch(() => this.schemas.delete(key));
      this.schemas.set(key, schema);
    }
    return schema;
  }

  item(layer: string, fid: number): Promise<Feature> {
    return this.get(`/collections/${layer}/items/${fid}`, { f: "json" });
  }

  items(layer: string, limit: number): Promise<FeatureCollection> {
    return this.get(`/collections/${layer}/items`, { limit: String(limit), f: "geojson" });
  }

  /** The values of a field that occur. Overlaps do not matter here, so the quick sum is asked for. */
  async present(layer: string, field: string): Promise<Set<string>> {
    const query = { layer, by: field, measure: "sum", f: "json" };
    const { rows } = await this.get<Totals>("/totals", query);
    return new Set(rows.map(({ group }) => String(group[field] ?? "")));
  }

  totals(layer: string, by: string): Promise<Totals> {
    return this.get("/totals", { layer, by, f: "json" });
  }

  /** Saves an answer as a file; a plain link could not carry the token. */
  async download(path: string, query: Record<string, string>, name: string): Promise<void> {
    const blob = await (await this.request(path, query)).blob();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  private async get<T>(path: string, query: Record<string, string>): Promise<T> {
    return (await (await this.request(path, query)).json()) as T;
  }

  private async request(path: string, query: Record<string, string>): Promise<Response> {
    const parameters = new URLSearchParams({ ...query, lang: language() });
    for (const [name, value] of [...parameters]) if (!value) parameters.delete(name);
    const { token } = this;
    let response: Response;
    try {
      response = await fetch(`${path}?${parameters}`, {
        headers: { Accept: "application/json", ...this.headers() },
      });
    } catch {
      throw new ApiError(0, "E_OFFLINE", "");
    }
    if (response.ok) return response;
    if (response.status === 401) this.unauthorized(token);
    throw await problem(response);
  }

  /** Forgets the token that was refused, but not a newer one. */
  unauthorized(sent: string | null): void {
    if (sent !== null && sent === this.token) this.setToken(null);
    this.onUnauthorized(sent !== null);
  }
}

/** RFC 9457 problem, or what is left of one when something in between answered. */
async function problem(response: Response): Promise<ApiError> {
  let code = `HTTP_${response.status}`;
  let detail = "";
  let fix: string | undefined;
  try {
    const body = (await response.json()) as Record<string, unknown>;
    if (typeof body.code === "string") code = body.code;
    if (typeof body.detail === "string") detail = body.detail;
    if (typeof body.fix === "string") fix = body.fix;
  } catch {
    // Not JSON: the status says enough.
  }
  return new ApiError(response.status, code, detail, fix);
}
