/** One's account (`#/account`), edits that wait for a decision, and, for administrators, the people. */
import type { App, Layout, Open, Route } from "../../app/context";
import { t } from "../../i18n";
import { fill, h } from "../../ui/dom";
import { message } from "../../ui/states";
import { button } from "../../ui/button";
import { tabs, type TabPage } from "../../ui/tabs";
import { conflictsPage } from "./conflicts";
import { minePage } from "./mine";
import { peoplePage } from "./people";
import "./account.css";

export const layout: Layout = "side";

export const open: Open = (app, place, route) => {
  let path = route.path;
  const show = (): void => {
    app.board?.clear();
    // Comparing shapes needs the map; lists do not.
    place.layout(path[0] === "conflicts" && path[1] ? "side" : "full");
    if (!app.session.get()) return fill(place.root, stranger(app));
    fill(place.root, h("div", { class: "panel account" }, h("h2", { class: "panel-title" }, t("account.title")), tabs(t("account.title"), pages(app, path), path[0] ?? "mine", (id) => turn(id))));
  };
  const turn = (id: string): void => {
    if (id === (path[0] ?? "mine")) return;
    path = id === "mine" ? [] : [id];
    app.go("account", path);
  };
  const stop = app.session.on(show);
  show();
  return {
    route: (next: Route) => {
      if (next.path.join("/") === path.join("/")) return;
      path = next.path;
      show();
    },
    close: stop,
  };
};

function pages(app: App, path: string[]): TabPage[] {
  const all: TabPage[] = [{ id: "mine", title: t("account.mine"), show: (panel) => minePage(panel, app) }];
  if (app.session.may("field")) {
    all.push({ id: "conflicts", title: t("account.conflicts"), show: (panel) => conflictsPage(panel, app, path[0] === "conflicts" ? (path[1] ?? "") : "") });
  }
  if (app.session.may("admin")) {
    all.push({ id: "people", title: t("account.people"), show: (panel) => peoplePage(panel, app, path[0] === "people" ? (path[1] ?? "") : "") });
  }
  return all;
}

function stranger(app: App): HTMLElement {
  return message(t("state.signIn"), t("state.signIn.hint"), button(t("header.signIn"), app.signIn, "primary"));
}
