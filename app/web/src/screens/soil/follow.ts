/** A job on its way, told in its place; what it gives is shown when it is done. */
import { followJob } from "../../api/jobs";
import type { Job } from "../../api/answers";
import { t } from "../../i18n";
import { button } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { progress } from "../../ui/progress";
import { failed, message } from "../../ui/states";
import type { Desk } from ".";

/** Follows a job by its events, and runs `done` after its end. */
export async function follow(root: HTMLElement, desk: Desk, job: number, done: () => void): Promise<void> {
  const { app, signal } = desk;
  const bar = progress(t("soil.job"));
  bar.set(null, t("soil.job.queued"));
  const cancel = button(t("soil.job.cancel"), () => void app.api.delete("/jobs/{job_id}", { path: { job_id: job } }).catch(app.report), "quiet");
  fill(root, h("div", { class: "block" }, bar.element, h("div", { class: "row end" }, cancel)));
  try {
    const last = await followJob(app.api, job, (now) => bar.set(now.progress?.fraction ?? null, stageOf(now)), {
      signal,
      offline: (broken) => broken && bar.set(null, t("state.offline")),
    });
    if (!signal.aborted) (last.state === "done" ? done : () => ended(root, desk, last, done))();
  } catch (error) {
    if (!signal.aborted) fill(root, failed(error, app, () => void follow(root, desk, job, done)));
  }
}

function stageOf({ state, progress: now }: Job): string {
  if (state === "queued") return t("soil.job.queued");
  return now ? t("soil.job.running", { percent: Math.round(now.fraction * 100) }) : t("soil.job.started");
}

function ended(root: HTMLElement, desk: Desk, { id, state, problem }: Job, done: () => void): void {
  if (state === "cancelled") return fill(root, message(t("soil.job.cancelled"), ""));
  const { app } = desk;
  const retry = async (): Promise<void> => {
    await app.api.post("/jobs/{job_id}/retry", { path: { job_id: id } });
    await follow(root, desk, id, done);
  };
  const hint = [problem?.detail, problem?.fix, problem?.code ? `(${problem.code})` : ""].filter(Boolean).join(" ");
  fill(root, message(t("soil.job.failed"), hint, button(t("state.retry"), () => void retry().catch(app.report))));
}
