/** Figures: targets of the programme, the weekly questions, totals by definition, sealed figures. */
import type { App, Layout, Open, Route } from "../../app/context";
import { language, t } from "../../i18n";
import { unitChoice } from "../../ui/area";
import { button } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { date } from "../../ui/format";
import { definitionsPage } from "./definitions";
import { questionsPage } from "./questions";
import { sealsPage } from "./seals";
import { targetsPage } from "./targets";
import "./figures.css";

export const layout: Layout = "full";

/** One part of the screen; `rest` is the path behind its name. */
export type Page = (root: HTMLElement, app: App, rest: string[]) => void;

const PAGES = {
  targets: targetsPage,
  questions: questionsPage,
  definitions: definitionsPage,
  seals: sealsPage,
} as const satisfies Record<string, Page>;
type Name = keyof typeof PAGES;
const NAMES = Object.keys(PAGES) as Name[];

export const open: Open = (app, { root }, route) => {
  const nav = h("nav", { class: "tab-list figures-nav", "aria-label": t("nav.figures") });
  const unit = h("div", { class: "figures-unit" });
  const body = h("div", { class: "figures-body" });
  let now: Route = route;

  const show = (): void => {
    const [first = "targets", ...rest] = now.path;
    const name = NAMES.find((one) => one === first) ?? "targets";
    fill(nav, ...NAMES.map((one) => link(app, one, one === name)));
    fill(unit, then(app), unitChoice(app.store));
    body.dataset.depth = String(rest.length);
    PAGES[name](body, app, rest);
  };
  fill(root, h("div", { class: "panel figures" }, h("h2", { class: "panel-title visually-hidden" }, t("nav.figures")), h("div", { class: "figures-head" }, nav, unit), body));
  const stops = [app.store.on(["unit", "asOf"], show), app.session.on(show)];
  show();
  return {
    route: (next) => {
      const before = now.path.join("/");
      now = next;
      if (before === next.path.join("/")) return;
      root.scrollTop = 0;
      show();
    },
    close: () => {
      for (const stop of stops) stop();
    },
  };
};

/** That an earlier state of the data is shown, with the way back to now. */
function then({ store }: App): HTMLElement | null {
  const { asOf } = store.get();
  if (asOf === null) return null;
  const moment = /^\d{1,15}$/.test(asOf) ? t("totals.revision", { revision: asOf }) : t("totals.asOf", { time: date(asOf, language()) });
  return button(t("figures.then", { moment }), () => store.set({ asOf: null }), "chip");
}

/** The moment that figures are asked for, as a parameter. */
export function moment({ store }: App): { as_of: string | null } {
  return { as_of: store.get().asOf };
}

function link(app: App, name: Name, current: boolean): HTMLElement {
  const path = name === "targets" ? [] : [name];
  return goTo(app, path, t(`figures.nav.${name}`), { class: "tab", "aria-current": current ? "page" : null });
}

/** A link to a place in this screen, which a new tab can open as well. */
export function goTo(app: App, path: string[], content: string | Node, attributes: Record<string, string | null> = {}): HTMLAnchorElement {
  const onclick = (event: Event): void => {
    const { ctrlKey, metaKey, shiftKey } = event as MouseEvent;
    if (ctrlKey || metaKey || shiftKey) return;
    event.preventDefault();
    app.go("figures", path);
  };
  return h("a", { href: `#/${["figures", ...path].join("/")}`, onclick, ...attributes }, content);
}
