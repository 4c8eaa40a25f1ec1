/** Following a job until it ends: server-sent events, and again after a break. */
import type { Job } from "./answers";
import { type Api, ApiError } from "./client";

const AGAIN_MS = 1500;
const ENDED: readonly Job["state"][] = ["done", "failed", "cancelled"];

export function ended(job: Job): boolean {
  return ENDED.includes(job.state);
}

/**
 * Calls `told` with each new state of a job and resolves with its last one. A stream that breaks
 * is asked for again (`offline` tells so); only a refusal, or `signal`, ends the waiting early.
 */
export async function followJob(
  api: Api,
  id: number,
  told: (job: Job) => void,
  options: { signal?: AbortSignal; offline?: (broken: boolean) => void } = {},
): Promise<Job> {
  const { signal, offline } = options;
  for (;;) {
    try {
      // Events carry no token of their own, so they are read from a plain answer.
      const response = await api.raw("get", "/jobs/{job_id}/events", {
        path: { job_id: id },
        headers: { Accept: "text/event-stream" },
        ...(signal ? { signal } : {}),
      });
      for await (const job of jobsOf(response)) {
        offline?.(false);
        told(job);
        if (ended(job)) return job;
      }
    } catch (error) {
      if (signal?.aborted || (error instanceof ApiError && error.status !== 0 && error.status < 500)) throw error;
      offline?.(true);
    }
    await new Promise((resume) => setTimeout(resume, AGAIN_MS));
  }
}

async function* jobsOf(response: Response): AsyncGenerator<Job> {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const events = (rest + value).split("\n\n");
      rest = events.pop() ?? "";
      for (const event of events) {
        const data = event.split("\n").filter((line) => line.startsWith("data:"));
        if (data.length) yield JSON.parse(data.map((line) => line.slice(5)).join("\n")) as Job;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
