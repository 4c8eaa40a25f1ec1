/** The frame of one finding about a file, and what all findings are given. */
import type { App } from "../../app/context";
import type { Schema } from "../../api/answers";
import { t } from "../../i18n";
import { chip, type Tone } from "../../ui/card";
import { type Child, h } from "../../ui/dom";
import type { Report, Upload } from "./answers";
import type { Draft } from "./draft";
import type { UploadShapes } from "./shapes";

export interface Look {
  app: App;
  upload: Upload;
  report: Report;
  schema: Schema;
  draft: Draft;
  shapes: UploadShapes;
  /** Whether decisions are still taken. */
  open: boolean;
}

export interface Finding {
  name: string;
  title: string;
  value: Child;
  /** How it was decided. */
  how?: [text: string, tone: Tone];
  /** Always shown. */
  body?: Child[];
  /** Shown when somebody wants to change it, or has to. */
  change?: Child[];
  must?: boolean;
}

export function finding({ name, title, value, how, body = [], change = [], must = false }: Finding): HTMLElement {
  return h(
    "section",
    { class: "finding", "data-finding": name },
    h(
      "header",
      { class: "finding-head" },
      h("h3", {}, title),
      h("span", { class: "finding-value" }, value),
      how && chip(...how),
    ),
    ...body,
    change.length > 0 && h("details", { open: must }, h("summary", {}, t("uploads.change")), h("div", { class: "stack" }, ...change)),
  );
}
