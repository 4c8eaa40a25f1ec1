/** A key for `Idempotency-Key`: a request that is sent again is done once. */
export function onceKey(): string {
  // randomUUID is only there on secure origins; an office's own network may have none.
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
