/** The bar at the top: who we are, the screens, language, theme, sign-in. */
import { t } from "../i18n";
import { fill, h, svg } from "../ui/dom";
import type { App } from "./context";
import { navigation } from "./navigation";
import { isDark } from "./theme";

export function headerBar(root: HTMLElement, app: App): void {
  const { store, session } = app;
  const { lang, theme } = store.get();
  const me = session.get();
  const other = lang === "zh" ? "en" : "zh";
  const signOut = (): void => {
    session.leave().catch(app.report).finally(app.reload);
  };
  const account = (event: Event): void => {
    event.preventDefault();
    app.go("account");
  };
  const action = (text: string, title: string, onclick: () => void, attributes = {}): HTMLElement =>
    h("button", { type: "button", class: "link", title, onclick, ...attributes }, text);
  fill(
    root,
    h("a", { class: "skip", href: "#panels", onclick: skip }, t("app.skip")),
    h(
      "div",
      { class: "brand" },
      mark(),
      h("h1", {}, t("app.name")),
      h("span", { class: "subtitle" }, t("app.subtitle")),
    ),
    h("nav", { class: "screens", "aria-label": t("nav.label") }, ...navigation(app)),
    h(
      "div",
      { class: "actions" },
      h("a", { class: "link docs", href: "/docs" }, t("header.docs")),
      h(
        "button",
        {
          type: "button",
          class: "icon-button",
          title: t("header.theme"),
          "aria-label": t("header.theme"),
          onclick: () => store.set({ theme: isDark(store.get().theme) ? "light" : "dark" }),
        },
        halfMoon(isDark(theme)),
      ),
      action(t("header.language"), t("header.language.hint"), () => store.set({ lang: other }), {
        lang: other === "zh" ? "zh-CN" : "en",
        "data-action": "language",
      }),
      me && h("a", { class: "link who", href: "/#/account", title: t("account.title"), onclick: account }, me.name),
      me
        ? action(t("header.signOut"), t("header.signOut"), signOut, { "data-action": "sign-out" })
        : action(t("header.signIn"), t("header.signIn"), app.signIn, { "data-action": "sign-in" }),
    ),
  );
}

/** Focus without touching the address, which holds the map's state. */
function skip(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#panels")?.focus();
}

function mark(): SVGSVGElement {
  return svg(
    "svg",
    { class: "mark", viewBox: "0 0 24 24", width: 24, height: 24, "aria-hidden": "true" },
    svg("rect", { width: 24, height: 24, rx: 5, class: "mark-field" }),
    svg("path", { d: "M5.5 5.5h13v13h-13zM12 5.5v13M5.5 12h13", class: "mark-lines", fill: "none" }),
  );
}

function halfMoon(dark: boolean): SVGSVGElement {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", width: 20, height: 20, "aria-hidden": "true" },
    svg("circle", { cx: 12, cy: 12, r: 8, fill: "none", stroke: "currentColor", "stroke-width": 2 }),
    svg("path", { d: dark ? "M12 4a8 8 0 0 0 0 16z" : "M12 4a8 8 0 0 1 0 16z", fill: "currentColor" }),
  );
}
