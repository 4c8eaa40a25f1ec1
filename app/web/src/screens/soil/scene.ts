/** One scene: what is shown of it on the map, what is known of it, what can be done with it. */
import { language, type Lang, t } from "../../i18n";
import { button } from "../../ui/button";
import { facts } from "../../ui/card";
import { confirm } from "../../ui/dialog";
import { type Child, fill, h } from "../../ui/dom";
import { checkbox, field, type Option, select } from "../../ui/field";
import { date, decimal } from "../../ui/format";
import { failed, loading } from "../../ui/states";
import { backTo, type Desk, goTo } from ".";
import { legendOf } from "./legend";
import { showPicture, swipePictures } from "./picture";
import { sensorOf } from "./scenes";
import { bandsOf, fits, type Index, type Scene, type TileJson } from "./service";

/** Composites by the bands that they show. */
const COMPOSITES = ["R,G,B", "N,R,G", "S1,N,R"] as const;

export function scenePage(desk: Desk, id: string): void {
  const { app, soil, root } = desk;
  fill(root, loading());
  const read = async (): Promise<void> => {
    try {
      const [scenes, indices] = await Promise.all([soil.scenes(), soil.indices()]);
      const scene = scenes.find((one) => one.id === id);
      if (desk.signal.aborted) return;
      if (!scene) return desk.go([]);
      fill(root, ...view(scene, scenes, indices, desk));
      app.board?.fit(scene.bbox);
    } catch (error) {
      fill(root, failed(error, app, () => void read()));
    }
  };
  void read();
}

function view(scene: Scene, scenes: Scene[], indices: Index[], desk: Desk): Child[] {
  const lang = language();
  const { properties } = scene;
  const { app } = desk;
  const others = scenes.filter((one) => one.id !== scene.id && overlap(one, scene));
  return [
    backTo(app, [], t("soil.back.scenes")),
    h("div", {}, h("h3", { class: "detail-title" }, date(properties.datetime, lang)), h("p", { class: "note" }, [properties.title ?? scene.id, sensorOf(scene)].join(" · "))),
    ...(properties["liangtian:warnings"] ?? []).map((warning) => h("p", { class: "notice warn" }, warning[lang])),
    display(scene, others, indices, desk),
    app.session.may("agronomist") && h(
      "div",
      { class: "row block" },
      goTo(app, ["runs", "new"], t("soil.scene.run"), { class: "button primary" }, { scene: scene.id }),
      ...(others[0] ? [goTo(app, ["runs", "new"], t("soil.scene.compare"), { class: "button" }, pair(scene, others[0]))] : []),
    ),
    about(scene, lang),
    app.session.may("manager") && manage(scene, desk),
  ];
}

/** Two scenes in the order of their dates. */
function pair(a: Scene, b: Scene): Record<string, string> {
  const [before, after] = a.properties.datetime < b.properties.datetime ? [a, b] : [b, a];
  return { before: before.id, after: after.id };
}

function overlap({ bbox: a }: Scene, { bbox: b }: Scene): boolean {
  return a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
}

/** Which picture lies on the map, how strongly, beside which other date. */
function display(scene: Scene, others: Scene[], indices: Index[], desk: Desk): HTMLElement {
  const { app, soil } = desk;
  const legend = h("div", { class: "block" });
  const shown = { what: desk.params.show ?? "R,G,B", opacity: 1, mask: true, other: desk.params.other ?? "" };
  const ask = (of: Scene): Promise<TileJson> => {
    if (shown.what.includes(",")) return soil.picture(of.id, { bands: shown.what });
    const mask = shown.mask ? maskFor(of) : "";
    return soil.picture(of.id, { index: shown.what, ...(mask ? { mask } : {}) });
  };
  let asked = 0;
  const show = async (): Promise<void> => {
    const mine = ++asked;
    app.store.setParams({ show: shown.what, other: shown.other });
    const other = others.find(({ id }) => id === shown.other);
    try {
      const [json, second] = await Promise.all([ask(scene), other ? ask(other) : null]);
      if (mine !== asked || desk.signal.aborted) return;
      showPicture(app.board, json, shown.opacity);
      if (other && second) {
        const sides: [[Scene, TileJson], [Scene, TileJson]] = [[scene, json], [other, second]];
        const [left, right] = sides.sort(([a], [b]) => a.properties.datetime.localeCompare(b.properties.datetime));
        swipePictures(app.board, [date(left[0].properties.datetime, language()), left[1]], [date(right[0].properties.datetime, language()), right[1]]);
      } else app.board?.swipe(null);
      fill(legend, legendOf(json.legend));
    } catch (error) {
      if (mine === asked) fill(legend, failed(error, app, () => void show()));
    }
  };
  void show();
  const opacity = h("input", {
    type: "range", min: 0.2, max: 1, step: 0.1, value: 1,
    onchange: (event) => {
      shown.opacity = Number((event.target as HTMLInputElement).value);
      void show();
    },
  });
  return h(
    "div",
    { class: "block stack" },
    field(t("soil.show"), picker(scene, indices, shown.what, (what) => {
      shown.what = what;
      void show();
    })),
    checkbox(t("soil.show.masked"), shown.mask, (mask) => {
      shown.mask = mask;
      void show();
    }),
    field(t("soil.opacity"), opacity),
    others.length > 0 &&
      select(t("soil.swipe"), shown.other, [["", t("soil.swipe.none")], ...others.map((one): Option => [one.id, `${date(one.properties.datetime, language())} · ${one.properties.title ?? one.id}`])], (id) => {
        shown.other = id;
        void show();
      }),
    legend,
  );
}

/** What is no bare soil, as far as the scene's bands tell. */
function maskFor(scene: Scene): string {
  const bands = bandsOf(scene);
  return [bands.includes("SCL") && "scl", bands.includes("QA_PIXEL") && "qa_pixel", "water", "vegetation"].filter(Boolean).join(",");
}

function picker(scene: Scene, indices: Index[], chosen: string, run: (what: string) => void): HTMLSelectElement {
  const lang = language();
  const bands = bandsOf(scene);
  const option = (value: string, text: string): HTMLOptionElement => h("option", { value, selected: value === chosen }, text);
  const composites = COMPOSITES.filter((one) => one.split(",").every((band) => bands.includes(band)));
  const groups = [...new Set(indices.map(({ group }) => group))];
  return h(
    "select",
    { onchange: (event) => run((event.target as HTMLSelectElement).value) },
    h("optgroup", { label: t("soil.composites") }, ...composites.map((one) => option(one, `${t(`soil.composite.${one}`)} (${one})`))),
    ...groups.map((group) =>
      h(
        "optgroup",
        { label: groupTitle(group) },
        ...indices.filter((one) => one.group === group && fits(one, scene)).map(({ id, title }) => option(id, `${title[lang]} (${id})`)),
      ),
    ),
  );
}

export function groupTitle(group: string): string {
  return group === "salinity" || group === "vegetation" || group === "water" || group === "soil" ? t(`soil.group.${group}`) : group;
}

function about(scene: Scene, lang: Lang): HTMLElement {
  const { properties } = scene;
  const metres = properties["proj:transform"]?.[0];
  const dark = properties["liangtian:dark_nir"];
  return h(
    "details",
    { class: "block meaning" },
    h("summary", {}, t("soil.about")),
    facts([
      [t("soil.time"), date(properties.datetime, lang, true)],
      ...(metres ? [[t("soil.pixel"), `${decimal(metres, lang)} ${t("unit.m")}`] as [string, string]] : []),
      ...(properties["proj:code"] ? [[t("soil.crs"), properties["proj:code"]] as [string, string]] : []),
      [t("soil.bandNames"), bandsOf(scene).join(", ")],
      ...(properties["liangtian:scaling"] ? [[t("soil.scaling"), properties["liangtian:scaling"]] as [string, string]] : []),
      ...(typeof dark === "number" ? [[t("soil.dark"), decimal(dark, lang, 3)] as [string, string]] : []),
    ]),
  );
}

/** Retiring and deleting. */
function manage(scene: Scene, { app, go }: Desk): HTMLElement {
  const path = { scene_id: scene.id };
  const done = (): void => {
    app.toast(t("soil.scene.gone"));
    go([]);
  };
  const ask = async (text: string, yes: string, run: () => Promise<unknown>): Promise<void> => {
    if (!(await confirm(scene.properties.title ?? scene.id, text, { yes, no: t("signIn.cancel"), kind: "danger" }))) return;
    await run().then(done, app.report);
  };
  return h(
    "div",
    { class: "row block" },
    button(t("soil.retire"), () => void ask(t("soil.retire.text"), t("soil.retire"), () => app.api.patch("/soil/scenes/{scene_id}", { path, json: { retired: true } })), "quiet"),
    button(t("soil.delete"), () => void ask(t("soil.delete.text"), t("soil.delete"), () => app.api.delete("/soil/scenes/{scene_id}", { path })), "quiet"),
  );
}
