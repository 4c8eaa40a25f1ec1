/** The head of an upload: the way back, its name and state, and its downloads. */
import { type App, collectionOf } from "../../app/context";
import { language, t } from "../../i18n";
import { button, iconButton } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { date } from "../../ui/format";
import { icon } from "../../ui/icon";
import type { Upload } from "./answers";
import { size, stateChip } from "./words";

const REPORTS = ["xlsx", "geojson", "json"] as const;

export function heading(root: HTMLElement, app: App, upload: Upload): void {
  const { id, file_name: name, layer, person, created_at: time, state } = upload;
  const about = [collectionOf(app.catalog.get(), layer)?.title ?? layer, t("uploads.number", { number: id }), size(upload.size), date(time, language(), true), person];
  fill(
    root,
    h(
      "div",
      { class: "upload-head" },
      iconButton("back", t("uploads.back"), () => app.go("uploads")),
      h("h2", { class: "panel-title" }, name),
      stateChip(state),
      h(
        "details",
        { class: "menu" },
        h("summary", { class: "icon-button", title: t("uploads.downloads"), "aria-label": t("uploads.downloads") }, icon("download")),
        h("div", { class: "menu-list" }, ...downloads(app, upload)),
      ),
    ),
    h("p", { class: "note upload-about" }, about.filter(Boolean).join(" · ")),
  );
}

function downloads(app: App, { id, file_name: name, report }: Upload): HTMLElement[] {
  const get = (run: Promise<void>): void => void run.catch((error: unknown) => app.report(error));
  const path = { upload_id: id };
  const reports = REPORTS.map((f) =>
    button(t(`uploads.report.${f}`), () => get(app.api.download("/uploads/{upload_id}/report", `upload-${id}-report.${f}`, { path, query: { f }, headers: { Accept: "*/*" } })), "quiet"),
  );
  const original = button(t("uploads.original"), () => get(app.api.download("/uploads/{upload_id}/file", name, { path, headers: { Accept: "*/*" } })), "quiet");
  return report ? [...reports, original] : [original];
}
