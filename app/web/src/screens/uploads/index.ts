/** Uploads: the list with the place to drop files on, or one upload (`#/uploads/12`). */
import type { Layout, Open, Place, Route, Screen } from "../../app/context";
import type { App } from "../../app/context";
import { fill } from "../../ui/dom";
import { openList } from "./list";
import { openUpload } from "./upload";
import "./uploads.css";

export const layout: Layout = "side";

export const open: Open = (app, place, route) => {
  let shown = "";
  let inner: Screen = {};
  const show = ({ path, params }: Route): void => {
    const id = /^\d{1,15}$/.test(path[0] ?? "") ? path[0] ?? "" : "";
    if (inner.route && id === shown) return inner.route({ path, params });
    inner.close?.();
    app.board?.clear();
    for (const slot of [place.root, place.aside, place.tools]) fill(slot);
    shown = id;
    inner = id ? one(app, place, Number(id)) : list(app, place);
  };
  show(route);
  return { route: show, close: () => inner.close?.() };
};

function one(app: App, place: Place, id: number): Screen {
  place.layout("side");
  place.root.scrollTop = 0;
  return openUpload(app, place, id);
}

/** On a phone a list needs no map. */
function list(app: App, place: Place): Screen {
  place.layout(window.matchMedia("(max-width: 760px)").matches ? "full" : "side");
  return openList(app, place);
}
