/** The one way to the service, typed by its OpenAPI document. Nothing else calls `fetch`. */
import { language } from "../i18n";
import type { Answer, Schema } from "./answers";
import { ApiError, problem } from "./problem";
import type { paths } from "./schema";

export { ApiError } from "./problem";

type Method = "get" | "post" | "put" | "patch" | "delete";
/** Addresses that have a method. */
export type Path<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, object> ? P : never;
}[keyof paths];
type Operation<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O> ? O : never;
type Known<O> = O extends { parameters: { query?: infer Q } } ? NonNullable<Q> : Record<never, never>;
/** The query parameters of an address; `undefined`, null and "" are left out. */
export type Query<P extends keyof paths, M extends Method> = {
  [K in keyof Known<Operation<P, M>>]?: Known<Operation<P, M>>[K] | null | undefined;
};
type Names<P> = P extends `${string}{${infer N}}${infer Rest}` ? N | Names<Rest> : never;
/** The values of the `{names}` in an address. */
export type InPath<P> = [Names<P>] extends [never] ? { path?: never } : { path: Record<Names<P>, string | number> };

export type Options<P extends keyof paths, M extends Method> = InPath<P> & {
  query?: Query<P, M>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  body?: BodyInit;
  headers?: Record<string, string>;
  signal?: AbortSignal;
};

/** A call without `path` and `query` need not name its options. */
type Rest<P extends keyof paths, M extends Method> =
  [Names<P>] extends [never] ? [options?: Options<P, M>] : [options: Options<P, M>];

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

  /** What every request carries, also those of the map. */
  headers(): Record<string, string> {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }

  get<P extends Path<"get">>(path: P, ...[options]: Rest<P, "get">): Promise<Answer<P>> {
    return this.json("get", path, options) as Promise<Answer<P>>;
  }

  post<P extends Path<"post">, A = unknown>(path: P, ...[options]: Rest<P, "post">): Promise<A> {
    return this.json("post", path, options) as Promise<A>;
  }

  patch<P extends Path<"patch">, A = unknown>(path: P, ...[options]: Rest<P, "patch">): Promise<A> {
    return this.json("patch", path, options) as Promise<A>;
  }

  put<P extends Path<"put">, A = unknown>(path: P, ...[options]: Rest<P, "put">): Promise<A> {
    return this.json("put", path, options) as Promise<A>;
  }

  delete<P extends Path<"delete">, A = unknown>(path: P, ...[options]: Rest<P, "delete">): Promise<A> {
    return this.json("delete", path, options) as Promise<A>;
  }

  /** The answer itself, for bodies that are no JSON (`response.body` streams). */
  raw<M extends Method, P extends Path<M>>(method: M, path: P, options: Options<P, M>): Promise<Response> {
    return this.request(method, path, options as Loose);
  }

  /** The address of a GET, for `<a>`, tiles and previews. It carries no token. */
  url<P extends Path<"get">>(path: P, ...[options]: Rest<P, "get">): string {
    return address(path, (options ?? {}) as Loose);
  }

  /** Kept per language until the page is reloaded: definitions change with a new release only. */
  schema(layer: string): Promise<Schema> {
    const key = `${language()}/${layer}`;
    let schema = this.schemas.get(key);
    if (!schema) {
      schema = this.get("/collections/{layer}/schema", { path: { layer } });
      schema.catch(() => this.schemas.delete(key));
      this.schemas.set(key, schema);
    }
    return schema;
  }

  /** Saves an answer as a file; a plain link could not carry the token. */
  async download<P extends Path<"get">>(path: P, name: string, ...[options]: Rest<P, "get">): Promise<void> {
    const response = await this.request("get", path, (options ?? {}) as Loose);
    save(await response.blob(), name);
  }

  private async json(method: Method, path: string, options: unknown = {}): Promise<unknown> {
    const response = await this.request(method, path, options as Loose);
    return response.status === 204 ? undefined : await response.json();
  }

  private async request(method: Method, path: string, options: Loose): Promise<Response> {
    const { token } = this;
    const { json, body, headers, signal } = options;
    let response: Response;
    try {
      response = await fetch(address(path, options), {
        method: method.toUpperCase(),
        headers: {
          Accept: "application/json",
          ...this.headers(),
          ...(json === undefined ? {} : { "Content-Type": "application/json" }),
          ...headers,
        },
        body: json === undefined ? (body ?? null) : JSON.stringify(json),
        signal: signal ?? null,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(0, "E_OFFLINE", "");
    }
    if (response.ok) return response;
    if (response.status === 401) this.unauthorized(token);
    throw problem(response.status, await response.text().catch(() => ""));
  }

  /** Forgets the token that was refused, but not a newer one. */
  unauthorized(sent: string | null): void {
    if (sent !== null && sent === this.token) this.setToken(null);
    this.onUnauthorized(sent !== null);
  }
}

interface Loose {
  path?: Record<string, string | number>;
  query?: Record<string, unknown>;
  json?: unknown;
  body?: BodyInit;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

function address(path: string, { path: values = {}, query = {} }: Loose): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name] ?? "")));
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") parameters.append(name, String(one));
    }
  }
  parameters.append("lang", language());
  return `${filled}?${parameters}`;
}

/** Gives a file to the reader. */
export function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
