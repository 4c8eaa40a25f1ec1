/** One upload: where it stands, what was understood, its faults, what storing it changes. */
import { followJob, ended } from "../../api/jobs";
import type { Job, Schema } from "../../api/answers";
import type { App, Place, Screen } from "../../app/context";
import { t } from "../../i18n";
import { fill, h } from "../../ui/dom";
import { failed, loading } from "../../ui/states";
import { tabs } from "../../ui/tabs";
import { progress } from "../../ui/progress";
import { Actions } from "./actions";
import type { JobProblem, Upload } from "./answers";
import { difference } from "./difference";
import { Draft } from "./draft";
import { countOf, faults } from "./faults";
import type { Look } from "./finding";
import { heading } from "./heading";
import { UploadShapes } from "./shapes";
import { standing } from "./standing";
import { understood } from "./understood";

const PAGES = ["understood", "faults", "rows"] as const;
type Page = (typeof PAGES)[number];

export function openUpload(app: App, { root }: Place, id: number): Screen {
  const view = new UploadView(app, root, id);
  void view.load();
  return { route: () => undefined, close: () => view.close() };
}

class UploadView {
  private readonly shapes: UploadShapes;
  private readonly stop = new AbortController();
  private readonly head = h("div", {});
  private readonly state = h("div", {});
  private readonly body = h("div", {});
  private readonly actions: Actions;
  private page: Page | null = null;
  private fitted = false;
  /** What the last job of this upload ended with. */
  private problem: JobProblem | null = null;
  /** Whether something did not work; signing in or a newer catalogue may mend it. */
  private broken = false;
  private readonly mend: () => void;

  constructor(private readonly app: App, private readonly root: HTMLElement, private readonly id: number) {
    this.shapes = new UploadShapes(app);
    this.actions = new Actions(app, {
      follow: (job) => void this.follow(job),
      reload: () => void this.load(),
    });
    this.mend = app.catalog.on(() => {
      if (this.broken) void this.load();
    });
    fill(root, h("div", { class: "panel upload" }, this.head, this.state, this.body), this.actions.element);
    fill(this.body, loading());
  }

  close(): void {
    this.stop.abort();
    this.mend();
    this.shapes.close();
  }

  async load(): Promise<void> {
    this.broken = false;
    try {
      const upload = await this.app.api.get("/uploads/{upload_id}", { path: { upload_id: this.id }, signal: this.stop.signal });
      const [schema, job] = await Promise.all([this.app.api.schema(upload.layer), this.job(upload)]);
      if (this.stop.signal.aborted) return;
      if (job && !ended(job)) {
        heading(this.head, this.app, upload);
        return await this.follow(job.id);
      }
      this.problem = refusalOf(job);
      this.show(upload, schema);
    } catch (error) {
      if (this.stop.signal.aborted) return;
      this.failed(error);
    }
  }

  private failed(error: unknown): void {
    this.broken = true;
    this.actions.none();
    fill(this.state);
    fill(this.body, failed(error, this.app, () => void this.load()));
  }

  /** The upload's last job; another person's is not told. */
  private async job({ job }: Upload): Promise<Job | null> {
    if (job === null) return null;
    return await this.app.api.get("/jobs/{job_id}", { path: { job_id: job } }).catch(() => null);
  }

  /** Shows how far a job is until it has ended, then what has become of the upload. */
  private async follow(id: number): Promise<void> {
    this.problem = this.page = null;
    const bar = progress(t("uploads.state.inspecting"));
    bar.set(null, t("uploads.stage.queued"));
    fill(this.state, h("div", { class: "standing", "data-state": "busy" }, bar.element));
    fill(this.body, loading());
    this.shapes.clear();
    this.actions.busy(this.id);
    let broken = false;
    let said = "";
    const tell = (): void => bar.set(null, broken ? t("uploads.stage.offline") : said);
    try {
      const job = await followJob(
        this.app.api,
        id,
        ({ progress: done, state }) => {
          said = done ? stageText(done.stage) : t(state === "queued" ? "uploads.stage.queued" : "uploads.stage.inspect");
          if (broken || !done?.fraction) tell();
          else bar.set(done.fraction, said);
        },
        { signal: this.stop.signal, offline: (now) => { if (broken !== now) { broken = now; tell(); } } },
      );
      this.problem = refusalOf(job);
      if (STORING.includes(job.kind) && job.state === "done") this.app.reload();
      const upload = await this.app.api.get("/uploads/{upload_id}", { path: { upload_id: this.id } });
      this.show(upload, await this.app.api.schema(upload.layer));
    } catch (error) {
      if (this.stop.signal.aborted) return;
      this.failed(error);
    }
  }

  private show(upload: Upload, schema: Schema): void {
    if (this.stop.signal.aborted) return;
    heading(this.head, this.app, upload);
    const draft = new Draft(upload.decisions);
    const { report } = upload;
    const open = ["needs_input", "ready", "rejected"].includes(upload.state);
    this.actions.show(upload, draft);
    if (!report) {
      fill(this.state);
      return fill(this.body);
    }
    const look: Look = { app: this.app, upload, report, schema, draft, shapes: this.shapes, open };
    this.shapes.clear();
    const decide = (decision: string): void => this.decide(decision);
    fill(this.state, standing(look, this.problem, decide));
    this.pages(look);
    if (report.crs?.value || !report.crs) {
      this.shapes.rows(upload).catch((error: unknown) => this.app.report(error));
      if (!this.fitted) this.shapes.fit(upload);
      this.fitted = true;
    }
  }

  private pages(look: Look): void {
    const { report, upload } = look;
    const count = countOf(report, "error") + countOf(report, "warning");
    const titles: Record<Page, string> = {
      understood: t("uploads.tab.understood"),
      faults: count ? t("uploads.tab.faults", { count }) : t("uploads.tab.faults.none"),
      rows: t(report.diff ? "uploads.tab.difference" : "uploads.tab.rows"),
    };
    const faulty = upload.state === "rejected" || (upload.state === "needs_input" && (report.counts?.rejected ?? 0) > 0);
    const start = this.page ?? (faulty ? "faults" : report.diff ? "rows" : "understood");
    const show: Record<Page, (panel: HTMLElement) => void> = {
      understood: (panel) => understood(panel, look),
      faults: (panel) => {
        const select = faults(panel, look, (decision) => this.decide(decision));
        this.shapes.onClick(({ fault }) => fault !== null && select(fault));
      },
      rows: (panel) => {
        const select = difference(panel, look);
        this.shapes.onClick(({ row }) => row !== null && select(row));
      },
    };
    let first = true;
    const pages = PAGES.map((id) => ({ id, title: titles[id], show: show[id] }));
    const changed = (id: string): void => {
      if (!first) this.page = id as Page;
      first = false;
      this.shapes.other(null);
      this.app.board?.highlight(null);
      if (id !== "faults") this.shapes.faults([]);
      if (id !== "understood") this.shapes.places([], null);
    };
    fill(this.body, tabs(t("uploads.about"), pages, start, changed));
  }

  /** Leads to where something is decided. */
  private decide(decision: string): void {
    this.root.querySelector<HTMLElement>('[data-tab="understood"]')?.click();
    const name = decision === "repair" || decision === "mode" ? "rules" : decision === "datum_shift" ? "crs" : decision;
    const target = this.root.querySelector<HTMLElement>(`[data-finding="${name}"]`);
    const more = target?.querySelector("details");
    if (more && !target?.querySelector(".candidates")) more.open = true;
    target?.scrollIntoView({ block: "start", behavior: "smooth" });
    target?.querySelector<HTMLElement>("input, select")?.focus({ preventScroll: true });
  }
}

const STORING: readonly string[] = ["upload.commit", "upload.revert"];

/** Why nothing was stored or undone; what is wrong with a file stands in its report. */
function refusalOf(job: Job | null): JobProblem | null {
  return job?.state === "failed" && STORING.includes(job.kind) ? job.problem : null;
}

const STAGES = ["inspect", "read", "convert", "locate", "check", "stage", "compare", "commit", "revert"] as const;

function stageText(stage: string): string {
  const known = STAGES.find((one) => one === stage);
  return known ? t(`uploads.stage.${known}`) : t("uploads.stage.inspect");
}
