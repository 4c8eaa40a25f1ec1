/** Who I am, my password, my tokens. */
import type { App } from "../../app/context";
import { t } from "../../i18n";
import { button } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { facts } from "../../ui/card";
import { field } from "../../ui/field";
import { reasonOf } from "../../ui/states";
import { tokenSection } from "./tokens";

export function minePage(root: HTMLElement, app: App): void {
  const me = app.session.get();
  if (!me) return;
  const who = h(
    "section",
    { class: "card" },
    h("h3", {}, me.name),
    facts([
      [t("account.role"), me.role ? t(`role.${me.role}`) : ""],
      [t("account.by"), t(me.by === "token" ? "account.by.token" : "account.by.session")],
    ]),
    h("div", { class: "row" }, button(t("header.signOut"), () => void app.session.leave().catch(app.report).finally(app.reload), "quiet")),
  );
  if (me.by === "token") return fill(root, who, h("p", { class: "state-hint" }, t("account.token.hint")));
  fill(root, who, passwordSection(app), tokenSection(app, {
    list: async () => (await app.api.get("/auth/tokens")).tokens,
    make: (json) => app.api.post("/auth/tokens", { json }),
    revoke: (token_id) => app.api.delete("/auth/tokens/{token_id}", { path: { token_id } }),
  }));
}

function passwordSection(app: App): HTMLElement {
  const old = h("input", { type: "password", name: "old", autocomplete: "current-password", required: true });
  const fresh = h("input", { type: "password", name: "new", autocomplete: "new-password", required: true });
  const fault = h("p", { class: "error", role: "alert" });
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    fill(fault);
    try {
      await app.api.post("/auth/password", { json: { old: old.value, new: fresh.value } });
      [old.value, fresh.value] = ["", ""];
      app.toast(t("account.password.done"));
    } catch (error) {
      fill(fault, reasonOf(error));
    }
  };
  return h(
    "section",
    { class: "card" },
    h("h3", {}, t("account.password")),
    h("p", { class: "state-hint" }, t("account.password.hint")),
    h(
      "form",
      { class: "account-form", onsubmit: (event) => void submit(event) },
      field(t("account.password.old"), old), field(t("account.password.new"), fresh),
      button(t("account.password.change"), () => undefined, "primary", { type: "submit" }),
    ),
    fault,
  );
}
