/** The registered scenes: a list, and where they lie. */
import { language, t } from "../../i18n";
import { chip } from "../../ui/card";
import { fill, h } from "../../ui/dom";
import { date } from "../../ui/format";
import { failed, loading, message } from "../../ui/states";
import { type Desk, goTo } from ".";
import { scenePage } from "./scene";
import { sceneForm } from "./scene-form";
import { bandsOf, type Scene } from "./service";

const FOOTPRINT = "#7a3f8c";

export function scenesPage(desk: Desk, [id]: string[]): void {
  if (id === "new") return sceneForm(desk);
  if (id !== undefined) return scenePage(desk, id);
  const { app, soil, root } = desk;
  const list = h("div", {}, loading());
  fill(root, h("div", { class: "soil-actions" }, app.session.may("agronomist") && goTo(app, ["scenes", "new"], t("soil.scene.new"), { class: "button" })), list);
  const read = async (): Promise<void> => {
    try {
      const scenes = await soil.scenes();
      if (desk.signal.aborted) return;
      if (!scenes.length) return fill(list, message(t("soil.none"), t("soil.none.hint")));
      fill(list, h("ul", { class: "scene-list" }, ...scenes.map((scene) => h("li", {}, entry(scene, desk)))));
      showFootprints(desk, scenes);
    } catch (error) {
      fill(list, failed(error, app, () => void read()));
    }
  };
  void read();
}

function showFootprints({ app, go }: Desk, scenes: Scene[]): void {
  const { board } = app;
  const features = scenes.map((scene): GeoJSON.Feature => ({ type: "Feature", geometry: scene.geometry, properties: { id: scene.id } }));
  const shapes: GeoJSON.FeatureCollection = { type: "FeatureCollection", features };
  board?.overlay("scenes").shapes(shapes, { color: FOOTPRINT, fill: 0, width: 2.5 });
  board?.fit(shapes);
  board?.onClick(({ overlays }) => {
    const id = overlays.find(({ overlay }) => overlay === "scenes")?.properties.id;
    if (typeof id === "string") go(["scenes", id]);
  });
}

function entry(scene: Scene, { app }: Desk): HTMLElement {
  const { properties } = scene;
  const warnings = properties["liangtian:warnings"]?.length ?? 0;
  const content = h(
    "span",
    { class: "scene-row" },
    h("span", { class: "scene-date" }, date(properties.datetime, language())),
    h("span", { class: "scene-chips" }, properties["liangtian:composite"] && chip(t("soil.composite"), "accent"), warnings > 0 && chip(t("soil.warnings", { count: warnings }), "warn")),
    h("span", { class: "scene-name" }, properties.title ?? scene.id),
    h("span", { class: "note" }, [sensorOf(scene), t("soil.bands", { count: bandsOf(scene).length })].join(" · ")),
  );
  return goTo(app, ["scenes", scene.id], content, { class: "scene-link" });
}

export function sensorOf(scene: Scene): string {
  const sensor = scene.properties["liangtian:sensor"];
  return sensor === "sentinel-2-l2a" || sensor === "landsat-c2-l2" || sensor === "custom" ? t(`soil.sensor.${sensor}`) : sensor;
}
