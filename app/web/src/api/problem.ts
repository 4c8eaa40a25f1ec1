/** A refusal or a failure, with what the service said about it (RFC 9457). */
export class ApiError extends Error {
  constructor(
    readonly status: number, // 0: no answer at all
    readonly code: string,
    message: string,
    readonly fix?: string,
    readonly where?: string,
  ) {
    super(message);
  }
}

/** The problem in an answer, or what is left of one when something in between answered. */
export function problem(status: number, body: string): ApiError {
  let code = `HTTP_${status}`;
  const text: Record<string, string> = {};
  try {
    for (const [name, value] of Object.entries(JSON.parse(body) as Record<string, unknown>)) {
      if (typeof value === "string") text[name] = value;
    }
    code = text.code ?? code;
  } catch {
    // Not JSON: the status says enough.
  }
  return new ApiError(status, code, text.detail ?? "", text.fix, text.where);
}
