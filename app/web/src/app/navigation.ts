/** The ways between screens: in the header on a desk, a bar at the foot on a phone. */
import { t } from "../i18n";
import { fill, h } from "../ui/dom";
import { icon, type IconName } from "../ui/icon";
import type { App } from "./context";
import { MAIN_SCREENS } from "./state";

type Main = (typeof MAIN_SCREENS)[number];

const SIGNS: Record<Main, IconName> = { map: "map", uploads: "upload", figures: "figures", soil: "soil" };

export function navigation(app: App): HTMLElement[] {
  const now = app.store.get().screen;
  return MAIN_SCREENS.map((name) => {
    const go = (event: Event): void => {
      const { ctrlKey, metaKey, shiftKey } = event as MouseEvent;
      if (ctrlKey || metaKey || shiftKey) return; // a new tab is the browser's business
      event.preventDefault();
      app.go(name);
    };
    return h(
      "a",
      {
        class: "nav-link",
        href: hrefOf(name),
        "data-screen": name,
        "aria-current": name === now ? "page" : null,
        onclick: go,
      },
      icon(SIGNS[name], 22),
      h("span", {}, t(`nav.${name}`)),
    );
  });
}

function hrefOf(name: Main): string {
  return name === "map" ? "/" : `/#/${name}`;
}

export function bottomBar(root: HTMLElement, app: App): void {
  root.setAttribute("aria-label", t("nav.label"));
  fill(root, ...navigation(app));
}
