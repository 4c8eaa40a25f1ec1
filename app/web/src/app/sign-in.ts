/** The box that asks for an access token when the service wants one. */
import type { Api } from "../api/client";
import { t } from "../i18n";
import { button } from "../ui/button";
import { fill, h } from "../ui/dom";

export class SignIn {
  private readonly dialog = h("dialog", { class: "dialog sign-in", "aria-labelledby": "sign-in-title" });

  constructor(private readonly api: Api, private readonly done: () => void) {
    document.body.append(this.dialog);
  }

  open(wrong = false): void {
    if (this.dialog.open) return;
    const input = h("input", {
      type: "password",
      name: "token",
      autocomplete: "off",
      spellcheck: "false",
      required: true,
      "aria-invalid": wrong ? "true" : null,
    });
    const submit = (event: Event): void => {
      event.preventDefault();
      this.api.setToken(input.value.trim());
      this.dialog.close();
      this.done();
    };
    fill(
      this.dialog,
      h(
        "form",
        { method: "dialog", onsubmit: submit },
        h("h2", { id: "sign-in-title", class: "panel-title" }, t("signIn.title")),
        h("p", {}, t("signIn.text")),
        h("label", { class: "field" }, h("span", { class: "label" }, t("signIn.token")), input),
        wrong && h("p", { class: "error", role: "alert" }, t("signIn.wrong")),
        h(
          "div",
          { class: "row end" },
          button(t("signIn.cancel"), () => this.dialog.close(), "quiet"),
          h("button", { type: "submit", class: "button primary" }, t("signIn.submit")),
        ),
      ),
    );
    this.dialog.showModal();
    input.focus();
  }
}
