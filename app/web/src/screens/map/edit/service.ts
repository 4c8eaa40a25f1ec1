/** Reading and writing features, each on the version that was seen. */
import type { Feature } from "../../../api/answers";
import type { Api } from "../../../api/client";
import type { FeatureRef } from "../../../app/state";

/** A feature with the tag of the version that was read. */
export interface Seen {
  feature: Feature;
  tag: string;
}

export interface Patch {
  properties?: Record<string, unknown>;
  geometry?: GeoJSON.Geometry;
}

const ITEM = "/collections/{layer}/items/{fid}";

async function seenIn(response: Response): Promise<Seen> {
  return { feature: (await response.json()) as Feature, tag: response.headers.get("ETag") ?? "" };
}

/** `asOf`: as it was; nothing can be changed on that. */
export async function read(api: Api, path: FeatureRef & Record<string, string | number>, asOf: string | null = null): Promise<Seen> {
  return seenIn(await api.raw("get", ITEM, { path, query: { as_of: asOf }, headers: { "Cache-Control": "no-cache" } }));
}

/** `keep`: an edit that comes too late is kept for a decision (409 E_CONFLICT_KEPT). */
export async function patch(api: Api, { feature, tag }: Seen, layer: string, change: Patch, reason: string, keep = false): Promise<Seen> {
  return seenIn(
    await api.raw("patch", ITEM, {
      path: { layer, fid: feature.id },
      query: { reason, on_conflict: keep ? "keep" : "refuse" },
      headers: { "If-Match": tag },
      json: change,
    }),
  );
}

export async function remove(api: Api, { feature, tag }: Seen, layer: string, reason: string): Promise<void> {
  await api.raw("delete", ITEM, { path: { layer, fid: feature.id }, query: { reason }, headers: { "If-Match": tag } });
}

/** Brings back a deleted feature (`seen` null), or an older version of one that is there. */
export async function restore(api: Api, path: FeatureRef & Record<string, string | number>, seen: Seen | null, version: number | null): Promise<void> {
  await api.raw("post", `${ITEM}/restore`, {
    path,
    headers: seen ? { "If-Match": seen.tag } : {},
    json: version === null ? {} : { version },
  });
}

/** `key`: the same for each try, so that a lost answer makes no second feature. Returns its number. */
export async function create(api: Api, layer: string, change: Patch, reason: string, key: string): Promise<number> {
  const { id } = await api.post<"/collections/{layer}/items", { id: number }>("/collections/{layer}/items", {
    path: { layer },
    query: { reason },
    headers: { "Idempotency-Key": key },
    json: { type: "Feature", properties: change.properties ?? {}, geometry: change.geometry ?? null },
  });
  return id;
}

export async function addPhoto(api: Api, path: FeatureRef & Record<string, string | number>, photo: File, key: string): Promise<void> {
  await api.raw("post", `${ITEM}/photos`, {
    path,
    body: photo,
    headers: { "Content-Type": photo.type || "image/jpeg", "Idempotency-Key": key },
  });
}
