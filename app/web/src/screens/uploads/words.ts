/** What states, statuses and numbers are called, and which colours they have. */
import type { Schema } from "../../api/answers";
import { language, t } from "../../i18n";
import { chip, type Tone } from "../../ui/card";
import { decimal } from "../../ui/format";
import type { Status, UploadState } from "./answers";

const TONES: Record<UploadState, Tone> = {
  inspecting: "accent", needs_input: "warn", ready: "accent", committing: "accent",
  committed: "good", rejected: "bad", reverted: "", discarded: "",
};

export function stateChip(state: UploadState): HTMLElement {
  return chip(t(`uploads.state.${state}`), TONES[state]);
}

/** People with any colour blindness tell these apart (after Paul Tol), on both grounds. */
export const COLORS: Record<Status, string> = {
  new: "#228833", changed: "#4477aa", unchanged: "#9a9a8f", absent: "#aa3377",
  valid: "#4477aa", rejected: "#d0481f", deleted: "#9a9a8f",
};
export const SEVERITY = { error: "#d0481f", warning: "#ddaa33", note: "#66a0c8" } as const;

export function size(bytes: number): string {
  const lang = language();
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${decimal(bytes / 1e3, lang, 0)} kB`;
  return `${decimal(bytes / 1e6, lang, bytes < 1e8 ? 1 : 0)} MB`;
}

/** A sample as people write it: shapefiles keep numbers with a tail of binary digits. */
export function tidy(text: string): string {
  return /^-?\d+\.\d{7,}$/.test(text) ? String(Number(Number(text).toPrecision(12))) : text;
}

/** A value of a field by the title of its code, booleans in words. */
export function valueText(schema: Schema, field: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return t("uploads.blank");
  if (typeof value === "boolean") return t(value ? "feature.yes" : "feature.no");
  const code = schema.properties[field]?.oneOf?.find((one) => one.const === value);
  return code?.title ?? (typeof value === "number" ? decimal(value, language(), 6) : String(value));
}

export function titleOf(schema: Schema, field: string): string {
  return schema.properties[field]?.title ?? field;
}
