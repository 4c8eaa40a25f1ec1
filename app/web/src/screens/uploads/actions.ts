/** The bar at the foot of an upload, within reach of a thumb: the next step, and the way out. */
import { type App, collectionOf } from "../../app/context";
import { ApiError } from "../../api/client";
import { language, t } from "../../i18n";
import { button } from "../../ui/button";
import { confirm } from "../../ui/dialog";
import { fill, h } from "../../ui/dom";
import { integer } from "../../ui/format";
import type { Decisions, Upload } from "./answers";
import type { Draft } from "./draft";

interface Started {
  id: number;
  job: number | null;
}

const TRANSIENT = ["E_INTERNAL", "E_CRASH", "E_LOST_WORKER", "E_TIME", "E_DISK_FULL"];

export class Actions {
  readonly element = h("div", { class: "upload-actions" });
  private working = false;

  constructor(private readonly app: App, private readonly then: { follow: (job: number) => void; reload: () => void }) {}

  none(): void {
    fill(this.element);
  }

  /** While a job runs. */
  busy(id: number): void {
    const stop = (): void =>
      void this.run(async () => {
        await this.app.api.delete("/uploads/{upload_id}", { path: { upload_id: id } });
        this.then.reload();
      });
    fill(this.element, button(t("uploads.stop"), stop, "quiet"));
  }

  show(upload: Upload, draft: Draft): void {
    const update = (): void => {
      if (draft.size) fill(this.element, this.undecide(), this.inspect(upload, draft));
      else fill(this.element, ...this.steps(upload));
    };
    draft.on(update);
    update();
  }

  private undecide(): HTMLElement {
    return button(t("uploads.undecide"), () => this.then.reload(), "quiet");
  }

  private inspect(upload: Upload, draft: Draft): HTMLElement {
    const send = (): void =>
      void this.run(async () => {
        const json = whole(draft.get());
        const started = await this.app.api.patch<"/uploads/{upload_id}", Started>("/uploads/{upload_id}", { path: { upload_id: upload.id }, json });
        if (started.job !== null) this.then.follow(started.job);
      });
    return button(t("uploads.inspect", { count: draft.size }), send, "primary", { "data-action": "inspect" });
  }

  private steps(upload: Upload): HTMLElement[] {
    const discard = button(t("uploads.discard"), () => void this.discard(upload), "quiet", { "data-action": "discard" });
    const other = (): void => this.app.go("uploads", [], { layer: upload.layer });
    const another = button(t("uploads.another"), other, "primary");
    switch (upload.state) {
      case "needs_input":
        return [discard, button(t("uploads.another"), other)];
      case "rejected":
        return [discard, ...(again(upload) ? [this.retry(upload)] : []), another];
      case "ready":
        return [discard, button(t("uploads.commit"), () => void this.commit(upload), "primary", { "data-action": "commit" })];
      case "committed":
        return [
          ...(upload.revision === null ? [] : [button(t("uploads.revert"), () => void this.revert(upload), "danger", { "data-action": "revert" })]),
          another,
        ];
      case "reverted":
      case "discarded":
        return [another];
      default:
        return [];
    }
  }

  private retry(upload: Upload): HTMLElement {
    const again = (): void =>
      void this.run(async () => {
        const job = upload.job ?? 0;
        await this.app.api.post("/jobs/{job_id}/retry", { path: { job_id: job } });
        this.then.follow(job);
      });
    return button(t("state.retry"), again);
  }

  private async commit(upload: Upload): Promise<void> {
    const absent = upload.report?.diff?.absent ?? 0;
    if (upload.report?.mode === "replace" && absent) {
      const sure = await confirm(t("uploads.commit.replace", { count: integer(absent, language()) }), t("uploads.commit.replace.text"), {
        yes: t("uploads.commit"), no: t("uploads.keep"), kind: "danger",
      });
      if (!sure) return;
    }
    await this.start(upload, "commit");
  }

  private async revert(upload: Upload): Promise<void> {
    const sure = await confirm(t("uploads.revert.title"), t("uploads.revert.text", { revision: upload.revision ?? 0 }), {
      yes: t("uploads.revert"), no: t("uploads.keep"), kind: "danger",
    });
    if (sure) await this.start(upload, "revert");
  }

  private start(upload: Upload, what: "commit" | "revert"): Promise<void> {
    return this.run(async () => {
      const path = { upload_id: upload.id };
      const started = what === "commit"
        ? await this.app.api.post<"/uploads/{upload_id}/commit", Started>("/uploads/{upload_id}/commit", { path })
        : await this.app.api.post<"/uploads/{upload_id}/revert", Started>("/uploads/{upload_id}/revert", { path });
      if (started.job !== null) this.then.follow(started.job);
      else this.then.reload();
    }, upload);
  }

  private async discard(upload: Upload): Promise<void> {
    const sure = await confirm(t("uploads.discard.title"), t("uploads.discard.text", { file: upload.file_name }), {
      yes: t("uploads.discard"), no: t("uploads.keep"), kind: "danger",
    });
    if (!sure) return;
    await this.run(async () => {
      await this.app.api.delete("/uploads/{upload_id}", { path: { upload_id: upload.id } });
      this.app.go("uploads");
    });
  }

  /** One thing at a time; what does not work is told. */
  private async run(what: () => Promise<void>, upload?: Upload): Promise<void> {
    if (this.working) return;
    this.working = true;
    for (const one of this.element.querySelectorAll("button")) one.disabled = true;
    try {
      await what();
    } catch (error) {
      if (error instanceof ApiError && error.status === 403 && upload) {
        const title = collectionOf(this.app.catalog.get(), upload.layer)?.title ?? upload.layer;
        this.app.toast(t("uploads.forbidden", { layer: title, number: upload.id }), "failed");
      } else this.app.report(error);
      for (const one of this.element.querySelectorAll("button")) one.disabled = false;
    } finally {
      this.working = false;
    }
  }
}

/** Whether looking at the file failed by no fault of its own. */
function again({ report }: Upload): boolean {
  return report?.issues.some(({ code }) => TRANSIENT.includes(code)) ?? false;
}

/** Constants that were begun but not given are none. */
function whole(decisions: Decisions): Decisions {
  if (!decisions.constants) return decisions;
  const given = Object.entries(decisions.constants).filter(([, value]) => value !== "");
  return { ...decisions, constants: Object.fromEntries(given) };
}
