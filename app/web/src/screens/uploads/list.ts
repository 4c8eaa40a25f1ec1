/** Where files are dropped or picked, those on their way, and the uploads there are. */
import { type App, collectionOf, type Place, type Screen } from "../../app/context";
import { language, t } from "../../i18n";
import { fill, h } from "../../ui/dom";
import { segments, select } from "../../ui/field";
import { fileDrop } from "../../ui/file-drop";
import { date } from "../../ui/format";
import { icon } from "../../ui/icon";
import { failed, loading, message } from "../../ui/states";
import type { UploadRow, UploadState } from "./answers";
import { parcels } from "./pack";
import { TransferRows } from "./transfer-rows";
import { transfers } from "./transfers";
import { stateChip } from "./words";

const OPEN: UploadState[] = ["inspecting", "needs_input", "ready", "committing", "rejected"];
const STORED: UploadState[] = ["committed"];
const KINDS = ["all", "open", "stored"] as const;
type Kind = (typeof KINDS)[number];
const LAYER = "liangtian.upload.layer";
const LOOK_MS = 4000;
const MOST = 100;

export function openList(app: App, { root }: Place): Screen {
  const choice = h("div", {});
  const rows = h("div", { class: "upload-list" }, loading());
  const moving = new TransferRows(app);
  const ask = h("p", { class: "note warn", role: "status" });
  let layer = "";
  /** Picked before a layer was chosen. */
  let waiting: File[] = [];
  let kind: Kind = "all";
  let looked = 0;
  let before = "";

  const layers = (): void => {
    const catalog = app.catalog.get();
    if (catalog.state !== "ready") return;
    const options = catalog.collections.map(({ id, title }): [string, string] => [id, title]);
    const wanted = app.store.get().params.layer ?? kept();
    layer ||= options.find(([id]) => id === wanted)?.[0] ?? "";
    const choose = (value: string): void => {
      layer = value;
      keep(value);
      fill(ask);
      take(waiting.splice(0));
    };
    fill(choice, select(t("uploads.layer"), layer, [["", t("uploads.choose")], ...options], choose, { "data-field": "layer" }));
  };
  const take = (files: File[]): void => {
    if (!layer) {
      waiting = [...waiting, ...files];
      fill(ask, waiting.length > 0 && t("uploads.layer.first", { count: waiting.length }));
      choice.querySelector("select")?.focus();
      return;
    }
    for (const parcel of parcels(files)) {
      if (parcel.missing.length) {
        app.toast(t("uploads.parts", { file: parcel.name, parts: parcel.missing.join(" ") }), "failed");
      } else transfers.begin(app.api, parcel, layer);
    }
  };
  const filter = h("div", {});
  const filters = (): void => {
    const options = KINDS.map((id): [Kind, string] => [id, t(`uploads.kind.${id}`)]);
    fill(filter, segments(t("uploads.kind"), kind, options, (value) => {
      kind = value;
      filters();
      void list();
    }));
  };
  const list = async (quiet = false): Promise<void> => {
    const mine = ++looked;
    if (!quiet) fill(rows, loading());
    try {
      const state = kind === "open" ? OPEN : kind === "stored" ? STORED : null;
      const { uploads } = await app.api.get("/uploads", { query: { limit: MOST, state } });
      const now = JSON.stringify(uploads);
      if (mine !== looked || (quiet && now === before)) return;
      before = now;
      if (!uploads.length) fill(rows, message(t(`uploads.none.${kind}`), t("uploads.none.hint")));
      else fill(rows, h("ul", {}, ...uploads.map((upload) => row(app, upload))));
    } catch (error) {
      if (mine === looked && !quiet) fill(rows, failed(error, app, () => void list()));
    }
  };

  fill(
    root,
    h(
      "div",
      { class: "panel uploads" },
      h("h2", { class: "panel-title" }, t("uploads.title")),
      h("div", {}, choice, ask),
      fileDrop({ title: t("uploads.drop"), hint: t("uploads.drop.hint"), pick: t("uploads.pick") }, take, { multiple: true }),
      moving.element,
      h("div", { class: "uploads-head" }, h("h3", {}, t("uploads.earlier")), filter),
      rows,
    ),
  );
  layers();
  filters();
  void list();
  const ends = [
    app.catalog.on(() => {
      layers();
      void list(true);
    }),
    transfers.on((transfer) => {
      if (transfer?.state === "done") void list(true);
    }),
    () => moving.close(),
  ];
  const timer = window.setInterval(() => {
    if (document.visibilityState === "visible") void list(true);
  }, LOOK_MS);
  return {
    close: () => {
      window.clearInterval(timer);
      for (const end of ends) end();
    },
  };
}

function row(app: App, upload: UploadRow): HTMLElement {
  const { id, file_name: name, layer, state, person, created_at: time } = upload;
  const go = (event: Event): void => {
    const { ctrlKey, metaKey, shiftKey } = event as MouseEvent;
    if (ctrlKey || metaKey || shiftKey) return;
    event.preventDefault();
    app.go("uploads", [String(id)]);
  };
  const about = [collectionOf(app.catalog.get(), layer)?.title ?? layer, date(time, language(), true), person];
  return h(
    "li",
    {},
    h(
      "a",
      { class: "upload-row", href: `/#/uploads/${id}`, "data-upload": id, onclick: go },
      h("span", { class: "upload-name" }, name),
      stateChip(state),
      h("span", { class: "note" }, about.filter(Boolean).join(" · ")),
      icon("chevron", 16),
    ),
  );
}

function kept(): string | null {
  try {
    return localStorage.getItem(LAYER);
  } catch {
    return null;
  }
}

function keep(layer: string): void {
  try {
    localStorage.setItem(LAYER, layer);
  } catch {
    // Private windows may refuse; then the first layer stands there next time.
  }
}
