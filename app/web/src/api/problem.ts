/** A refusal or a failure, with what the service said about it (RFC 9457). */
export class ApiError extends Error {
  constructor(
    readonly status: number, // 0: no answer at all
    readonly code: string,
    message: string,
    readonly fix?: string,
    readonly where?: string,
    /** All that the answer says. */
    readonly body: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** The problem in an answer, or what is left of one when something in between answered. */
export function problem(status: number, body: string): ApiError {
  let all: Record<string, unknown> = {};
  try {
    all = JSON.parse(body) as Record<string, unknown>;
  } catch {
    // Not JSON: the status says enough.
  }
  const text = (name: string): string | undefined => (typeof all[name] === "string" ? all[name] : undefined);
  return new ApiError(status, text("code") ?? `HTTP_${status}`, text("detail") ?? "", text("fix"), text("where"), all);
}
