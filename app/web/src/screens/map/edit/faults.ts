/** What the service found wrong with an edit, told beside the fields that it is about. */
import { ApiError } from "../../../api/problem";
import { language, t } from "../../../i18n";
import { fill, h } from "../../../ui/dom";
import { reasonOf } from "../../../ui/states";
import type { Form } from "./form";

interface Issue {
  where: string | null;
  detail: string;
  fix: string | null;
}

/** Shows an error at its fields, and in `place` what belongs to none; the first one is focused. */
export function showFaults(error: unknown, form: Form, place: HTMLElement): void {
  const issues = error instanceof ApiError && Array.isArray(error.body.issues) ? (error.body.issues as Issue[]) : [];
  const rest: string[] = [];
  for (const { where, detail, fix } of issues) {
    const text = [detail, fix].filter(Boolean).join(language() === "zh" ? "；" : " ");
    if (!where || !form.fault(where, text)) rest.push(text);
  }
  const offline = error instanceof ApiError && error.status === 0;
  if (offline) rest.push(t("edit.offline"));
  else if (!issues.length) rest.push(reasonOf(error));
  else if (rest.length < issues.length) rest.unshift(t("edit.faults", { count: issues.length }));
  fill(place, ...rest.map((text) => h("p", { class: "error" }, text)));
  const first = form.element.querySelector<HTMLElement>('[aria-invalid="true"]') ?? place;
  first.focus();
  first.scrollIntoView({ block: "center" });
}
