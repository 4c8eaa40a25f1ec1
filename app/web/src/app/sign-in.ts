/** The box that asks who you are: name and password, or a token that somebody has lent. */
import { ApiError } from "../api/client";
import { t } from "../i18n";
import { button } from "../ui/button";
import { fill, h } from "../ui/dom";
import { reasonOf } from "../ui/states";
import type { Session } from "./session";

type Way = "password" | "token";

export class SignIn {
  private readonly dialog = h("dialog", { class: "dialog sign-in", "aria-labelledby": "sign-in-title" });

  constructor(private readonly session: Session, private readonly done: () => void) {
    document.body.append(this.dialog);
  }

  /** `refused`: the service did not accept the token that was sent. */
  open(refused = false): void {
    if (this.dialog.open) return;
    this.show("password", refused ? t("signIn.ended") : "");
    this.dialog.showModal();
    this.focus();
  }

  private focus(): void {
    this.dialog.querySelector("input")?.focus();
  }

  private show(way: Way, wrong = ""): void {
    const error = h("p", { class: "error", role: "alert" }, wrong);
    const name = input("name", "text", "username");
    const secret = way === "password" ? input("password", "password", "current-password") : input("token", "password", "off");
    const enter = button(t("signIn.submit"), () => undefined, "primary", { type: "submit" });
    const submit = async (event: Event): Promise<void> => {
      event.preventDefault();
      enter.disabled = true;
      try {
        if (way === "password") await this.session.enter(name.value.trim(), secret.value);
        else await this.session.lend(secret.value.trim());
        this.dialog.close();
        this.done();
      } catch (reason) {
        const unknown = way === "token" && reason instanceof ApiError && reason.status === 401;
        error.textContent = unknown ? t("signIn.wrong") : reasonOf(reason);
        secret.setAttribute("aria-invalid", "true");
        secret.focus();
      } finally {
        enter.disabled = false;
      }
    };
    const other: Way = way === "password" ? "token" : "password";
    const turn = (): void => {
      this.show(other);
      this.focus();
    };
    fill(
      this.dialog,
      h(
        "form",
        { method: "dialog", onsubmit: (event) => void submit(event) },
        h("h2", { id: "sign-in-title", class: "panel-title" }, t("signIn.title")),
        h("p", {}, t(`signIn.text.${way}`)),
        way === "password" && label(t("signIn.name"), name),
        label(t(`signIn.${way}`), secret),
        error,
        h(
          "div",
          { class: "row end" },
          button(t(`signIn.by.${other}`), turn, "quiet", { class: "link sign-in-other" }),
          button(t("signIn.cancel"), () => this.dialog.close(), "quiet"),
          enter,
        ),
      ),
    );
  }
}

function input(name: string, type: string, autocomplete: string): HTMLInputElement {
  return h("input", { type, name, autocomplete, spellcheck: "false", autocapitalize: "off", required: true });
}

function label(title: string, control: HTMLInputElement): HTMLElement {
  return h("label", { class: "field" }, h("span", { class: "label" }, title), control);
}
