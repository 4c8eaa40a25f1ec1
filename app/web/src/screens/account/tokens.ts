/** Tokens: a list, a form for another, and the way to revoke one. */
import { ROLES } from "../../api/answers";
import type { App } from "../../app/context";
import { language, t } from "../../i18n";
import { button } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { field } from "../../ui/field";
import { date } from "../../ui/format";
import { reasonOf } from "../../ui/states";
import { table } from "../../ui/table";
import type { Token } from "./answers";
import { tellOnce } from "./secret";

export interface TokenStore {
  list: () => Promise<Token[]>;
  make: (asked: { label: string; role: string | null; days: number }) => Promise<{ token: string }>;
  revoke: (id: number) => Promise<unknown>;
}

export function tokenSection(app: App, store: TokenStore): HTMLElement {
  const list = h("div", {});
  const load = async (): Promise<void> => {
    try {
      render(await store.list());
    } catch (error) {
      fill(list, h("p", { class: "error" }, reasonOf(error)));
    }
  };
  const revoke = async (id: number): Promise<void> => {
    await store.revoke(id).catch(app.report);
    await load();
  };
  const render = (tokens: Token[]): void => {
    if (!tokens.length) return fill(list, h("p", { class: "state-hint" }, t("token.none")));
    fill(
      list,
      table(
        t("token.title"),
        [
          { title: t("token.label"), cell: ({ label }) => label },
          { title: t("account.role"), cell: ({ role }) => (role ? t(`role.${role}`) : t("token.own")) },
          { title: t("token.expires"), cell: ({ expires_at: end }) => (end ? date(end, language()) : t("token.never")) },
          { title: "", cell: ({ id, label }) => button(t("token.revoke"), () => void revoke(id), "chip", { "aria-label": `${t("token.revoke")} ${label}` }) },
        ],
        tokens,
      ),
    );
  };
  const label = h("input", { type: "text", required: true, maxlength: 200, name: "label" });
  const days = h("input", { type: "number", min: 1, max: 3650, value: 90, name: "days" });
  const role = h("select", { name: "role" }, h("option", { value: "" }, t("token.own")), ...ROLES.filter((one) => app.session.may(one)).map((one) => h("option", { value: one }, t(`role.${one}`))));
  const fault = h("p", { class: "error", role: "alert" });
  const make = async (event: Event): Promise<void> => {
    event.preventDefault();
    fill(fault);
    try {
      const { token } = await store.make({ label: label.value.trim(), role: role.value || null, days: Number(days.value) });
      label.value = "";
      tellOnce(t("token.made"), token);
      await load();
    } catch (error) {
      fill(fault, reasonOf(error));
    }
  };
  void load();
  return h(
    "section",
    { class: "card" },
    h("h3", {}, t("token.title")),
    h("p", { class: "state-hint" }, t("token.hint")),
    list,
    h(
      "form",
      { class: "account-form", onsubmit: (event) => void make(event) },
      field(t("token.label"), label), field(t("account.role"), role), field(t("token.days"), days),
      button(t("token.make"), () => undefined, "primary", { type: "submit" }),
    ),
    fault,
  );
}
