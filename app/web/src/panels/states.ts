/** Loading, empty and failed states: each says what the reader can do next. */
import { ApiError } from "../api";
import type { Context } from "../context";
import { type Child, h } from "../dom";
import { t } from "../i18n";

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

export function button(text: string, onclick: () => void, kind = ""): HTMLButtonElement {
  return h("button", { type: "button", class: `button ${kind}`.trim(), onclick }, text);
}

/** The state for whatever went wrong, with the one action that may mend it. */
export function failed(error: unknown, context: Context, retry: () => void): HTMLElement {
  const again = button(t("state.retry"), retry);
  if (!(error instanceof ApiError)) {
    return message(t("state.failed"), error instanceof Error ? error.message : "", again);
  }
  if (error.status === 0) return message(t("state.offline"), t("state.offline.hint"), again);
  if (error.status === 401) {
    const signIn = button(t("header.signIn"), context.actions.signIn, "primary");
    return message(t("state.signIn"), t("state.signIn.hint"), signIn);
  }
  if (error.status === 403) return message(t("state.forbidden"), t("state.forbidden.hint"));
  if (error.status >= 500) {
    return message(t("state.failed"), t("state.server.hint", { code: error.code }), again);
  }
  const hint = [error.message, error.fix, `(${error.code})`].filter(Boolean).join(" ");
  return message(t("state.failed"), hint, again);
}
