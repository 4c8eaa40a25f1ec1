/** Soil: the registered scenes and where they lie. */
import type { App, Layout, Open, Place } from "../../app/context";
import { language, t } from "../../i18n";
import { fill, h } from "../../ui/dom";
import { date } from "../../ui/format";
import { failed, loading, message } from "../../ui/states";
import { table } from "../../ui/table";

export const layout: Layout = "side";

type Scene = GeoJSON.Feature<GeoJSON.Geometry, { datetime: string; title?: string }>;

export const open: Open = (app, place) => {
  const body = h("div", {}, loading());
  fill(place.root, h("div", { class: "panel" }, h("h2", { class: "panel-title" }, t("nav.soil")), body));
  void list(app, place, body);
  return {};
};

async function list(app: App, place: Place, body: HTMLElement): Promise<void> {
  try {
    const { features } = (await app.api.get("/soil/scenes")) as { features: Scene[] };
    if (!features.length) return fill(body, message(t("soil.none"), t("soil.none.hint")));
    const columns = [
      { title: t("soil.scene"), cell: (row: Scene) => String(row.id) },
      { title: t("soil.time"), cell: (row: Scene) => date(row.properties.datetime, language()) },
    ];
    fill(body, table(t("nav.soil"), columns, features, { onRow: (row) => app.board?.fit(row.geometry) }));
    app.board?.overlay("scenes").shapes({ type: "FeatureCollection", features }, { color: "#7a3f8c", fill: 0.05 });
  } catch (error) {
    fill(body, failed(error, app, () => void list(app, place, body)));
  }
}
