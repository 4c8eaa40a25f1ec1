/** Loading, empty and failed states: each says what the reader can do next. */
import { ApiError } from "../api/problem";
import type { App } from "../app/context";
import { t } from "../i18n";
import { button } from "./button";
import { type Child, h } from "./dom";

export function loading(): HTMLElement {
  return h(
    "div",
    { class: "state", role: "status" },
    h("div", { class: "skeleton" }),
    h("div", { class: "skeleton short" }),
    h("div", { class: "skeleton" }),
    h("span", { class: "visually-hidden" }, t("state.loading")),
  );
}

export function message(title: string, hint: string, ...actions: Child[]): HTMLElement {
  return h(
    "div",
    { class: "state" },
    h("p", { class: "state-title" }, title),
    hint && h("p", { class: "state-hint" }, hint),
    ...actions,
  );
}

/** The state for whatever went wrong, with the one action that may mend it. */
export function failed(error: unknown, app: Pick<App, "signIn">, retry: () => void): HTMLElement {
  const again = button(t("state.retry"), retry);
  if (!(error instanceof ApiError)) {
    return message(t("state.failed"), error instanceof Error ? error.message : "", again);
  }
  if (error.status === 0) return message(t("state.offline"), t("state.offline.hint"), again);
  if (error.status === 401) {
    const signIn = button(t("header.signIn"), app.signIn, "primary");
    return message(t("state.signIn"), t("state.signIn.hint"), signIn);
  }
  if (error.status === 403) return message(t("state.forbidden"), t("state.forbidden.hint"));
  if (error.status >= 500) {
    return message(t("state.failed"), t("state.server.hint", { code: error.code }), again);
  }
  const hint = [error.message, error.fix, `(${error.code})`].filter(Boolean).join(" ");
  return message(t("state.failed"), hint, again);
}

/** Why something failed, in one line. */
export function reasonOf(error: unknown): string {
  if (error instanceof ApiError && error.status === 0) return t("state.offline");
  if (error instanceof ApiError) return [error.message || t("state.failed"), error.fix].filter(Boolean).join(" ");
  return error instanceof Error && error.message ? error.message : t("state.failed");
}
