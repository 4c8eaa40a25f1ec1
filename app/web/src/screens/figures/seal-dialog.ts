/** Sealing a figure: named, asked once more by the service, kept with every input. */
import type { App } from "../../app/context";
import { onceKey } from "../../api/once";
import { t } from "../../i18n";
import { button } from "../../ui/button";
import { openDialog } from "../../ui/dialog";
import { fill, h } from "../../ui/dom";
import { field } from "../../ui/field";
import { reasonOf } from "../../ui/states";
import type { Seal } from "./answers";

export interface Sealing {
  /** What it may be called. */
  title: string;
  /** The body of POST /totals. */
  question: Record<string, unknown>;
}

export function canSeal(app: App): boolean {
  return app.session.may("manager");
}

/** The moment that is shown, for the body of a question. */
export function seen({ store }: App): { as_of?: string } {
  const { asOf } = store.get();
  return asOf === null ? {} : { as_of: asOf };
}

export function sealDialog(app: App, { title, question }: Sealing): void {
  const today = new Date();
  const key = onceKey();
  const name = h("input", { type: "text", required: true, maxlength: 200, value: t("figures.seal.name", { title, year: today.getFullYear(), month: today.getMonth() + 1 }) });
  const fault = h("p", { class: "error", role: "alert" });
  const submit = h("button", { type: "submit", class: "button primary" }, t("figures.seal"));
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    submit.disabled = true;
    fill(fault);
    try {
      const made = await app.api.post<"/seals", Seal>("/seals", { json: { ...question, title: name.value }, headers: { "Idempotency-Key": key } });
      dialog.close();
      app.toast(t("figures.sealed", { id: made.id }));
      app.go("figures", ["seals", String(made.id)]);
    } catch (error) {
      submit.disabled = false;
      fill(fault, reasonOf(error));
    }
  };
  const dialog = openDialog(t("figures.seal.title"), [
    h("p", {}, t("figures.seal.text")),
    h(
      "form",
      { onsubmit: (event) => void save(event) },
      field(t("figures.seal.called"), name),
      fault,
      h("div", { class: "row end" }, button(t("signIn.cancel"), () => dialog.close(), "quiet"), submit),
    ),
  ]);
}
