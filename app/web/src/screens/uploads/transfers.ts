/**
 * Files on their way to the service, by tus 1.0: paused and gone on with, also after a lost
 * connection, and after the page was closed when the same file is picked again. They go on while
 * other screens are looked at.
 */
import { type DetailedError, type HttpResponse, Upload as Tus } from "tus-js-client";
import { type Api, ApiError } from "../../api/client";
import { problem } from "../../api/problem";
import { language } from "../../i18n";
import { packed, type Parcel } from "./pack";

export type TransferState = "packing" | "sending" | "paused" | "waiting" | "failed" | "done" | "known";

const LEAST_CHUNK = 4 * 2 ** 20;
/** So that a large file stays far below the service's limit of requests. */
const MOST_CHUNKS = 100;
const WAIT_MS = [1000, 2000, 4000, 8000, 15_000];

export class Transfer {
  state: TransferState = "packing";
  /** 0 to 1, of packing or sending. */
  fraction = 0;
  bytes: number;
  error: unknown = null;
  /** The upload that it has become, or that was there already (`known`). */
  upload: number | null = null;
  private tus: Tus | null = null;
  private content: Blob | null = null;
  private waited = 0;
  private timer = 0;

  constructor(
    private readonly api: Api,
    readonly parcel: Parcel,
    readonly layer: string,
    private readonly changed: (transfer: Transfer) => void,
    private force = false,
  ) {
    this.bytes = parcel.files.reduce((sum, file) => sum + file.size, 0);
    window.addEventListener("online", this.back);
    void this.begin();
  }

  pause(): void {
    clearTimeout(this.timer);
    void this.tus?.abort();
    this.become("paused");
  }

  resume(): void {
    clearTimeout(this.timer);
    if (!this.tus) return void this.begin();
    this.become("sending");
    this.tus.start();
  }

  /** Sends what was sent before as an upload of its own. */
  again(): void {
    this.force = true;
    this.tus = null;
    void this.begin();
  }

  /** Stops it for good; the service forgets what it has of it. */
  cancel(): void {
    clearTimeout(this.timer);
    window.removeEventListener("online", this.back);
    if (this.state !== "done" && this.state !== "known") void this.tus?.abort(true).catch(() => undefined);
  }

  private readonly back = (): void => {
    if (this.state === "waiting") this.resume();
  };

  private become(state: TransferState): void {
    this.state = state;
    this.changed(this);
  }

  private async begin(): Promise<void> {
    try {
      this.become("packing");
      this.content ??= await packed(this.parcel.files, (fraction) => this.at(fraction));
      const newest = await this.newest();
      this.fraction = 0;
      this.bytes = this.content.size;
      this.tus = this.sender(this.content, newest);
      const [before] = await this.tus.findPreviousUploads();
      if (before) this.tus.resumeFromPreviousUpload(before);
      this.become("sending");
      this.tus.start();
    } catch (error) {
      if (error instanceof ApiError && error.status === 0) return this.wait();
      this.error = error;
      this.become("failed");
    }
  }

  private wait(): void {
    const delay = WAIT_MS[Math.min(this.waited++, WAIT_MS.length - 1)] ?? 0;
    this.timer = window.setTimeout(() => this.resume(), delay);
    this.become("waiting");
  }

  /** The newest upload that there is: one that is no newer was there before. */
  private async newest(): Promise<number> {
    const { uploads } = await this.api.get("/uploads", { query: { limit: 1 } });
    return uploads[0]?.id ?? 0;
  }

  private sender(content: Blob, newest: number): Tus {
    const { files, name } = this.parcel;
    const key = ["liangtian", this.layer, ...files.flatMap((file) => [file.name, file.size, file.lastModified])].join("/");
    return new Tus(content, {
      endpoint: "/uploads/tus",
      chunkSize: Math.max(LEAST_CHUNK, Math.ceil(content.size / MOST_CHUNKS)),
      metadata: { filename: name, layer: this.layer, ...(this.force ? { force: "true" } : {}) },
      fingerprint: async () => (this.force ? `${key}/force` : key),
      removeFingerprintOnSuccess: true,
      retryDelays: null, // waiting is our own, and has no end
      onBeforeRequest: (request) => {
        for (const [header, value] of Object.entries(this.api.headers())) request.setHeader(header, value);
        request.setHeader("Accept-Language", language());
      },
      onProgress: (sent, total) => this.at(total ? sent / total : 0),
      onChunkComplete: () => (this.waited = 0),
      onError: (error) => this.broken(error),
      onSuccess: ({ lastResponse }) => this.arrived(lastResponse, newest),
    });
  }

  private at(fraction: number): void {
    this.fraction = fraction;
    this.changed(this);
  }

  private arrived(response: HttpResponse, newest: number): void {
    window.removeEventListener("online", this.back);
    const id = Number(response.getHeader("Upload-Id"));
    this.upload = id;
    this.fraction = 1;
    this.become(id <= newest ? "known" : "done");
  }

  /** What a moment later may work is waited for; a refusal is told. */
  private broken(error: Error | DetailedError): void {
    const response = "originalResponse" in error ? error.originalResponse : null;
    const status = response?.getStatus() ?? 0;
    if (status === 0 || status >= 500 || [409, 423, 429].includes(status)) return this.wait();
    if (status === 401) this.api.unauthorized(this.api.token);
    this.error = problem(status, response?.getBody() ?? "");
    this.become("failed");
  }
}

/** All that were begun since the page was opened. */
export class Transfers {
  readonly all: Transfer[] = [];
  private readonly listeners = new Set<(transfer: Transfer | null) => void>();

  begin(api: Api, parcel: Parcel, layer: string): void {
    const told = (transfer: Transfer): void => this.tell(transfer);
    this.all.unshift(new Transfer(api, parcel, layer, told));
    this.tell(null);
  }

  drop(transfer: Transfer): void {
    transfer.cancel();
    this.all.splice(this.all.indexOf(transfer), 1);
    this.tell(null);
  }

  /** `run` hears of each change: of one transfer, or (null) of the list. */
  on(run: (transfer: Transfer | null) => void): () => void {
    this.listeners.add(run);
    return () => void this.listeners.delete(run);
  }

  private tell(transfer: Transfer | null): void {
    for (const run of [...this.listeners]) run(transfer);
  }
}

export const transfers = new Transfers();
