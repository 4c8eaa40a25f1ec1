/** A new run: scene or two dates, index or model, grading, zones, masks. */
import { onceKey } from "../../api/once";
import { language, t } from "../../i18n";
import { GROUND } from "../../map/style";
import { button } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { checkbox, field, type Option, segments, select } from "../../ui/field";
import { date } from "../../ui/format";
import { failed, loading, message, reasonOf } from "../../ui/states";
import { backTo, type Desk } from ".";
import { modelTitle, targetTitle } from "./calibrations";
import { groupTitle } from "./scene";
import { type Calibration, fits, type Grading, type Index, type Mask, masks as hasBands, type Scene } from "./service";

interface Asked {
  kind: "scene" | "pair";
  scene: string;
  before: string;
  /** An index, or `model:ID` of a calibration. */
  measure: string;
  grading: string;
  cuts: string;
  zones: "layer" | "drawn";
  layer: string;
  filter: string;
  drawn: GeoJSON.Polygon | null;
  masks: Set<string>;
  seasons: boolean;
}

interface Choices {
  scenes: Scene[];
  indices: Index[];
  gradings: Grading[];
  masks: Mask[];
  calibrations: Calibration[];
}

/** What says nothing about the salt in bare soil, as far as a scene has the bands. */
const BARE_SOIL = ["scl", "qa_pixel", "qa_radsat", "water", "vegetation"];
const OWN = "own";
const MODEL = "model:";

export function runForm(desk: Desk): void {
  const { app, soil, root } = desk;
  fill(root, loading());
  const read = async (): Promise<void> => {
    try {
      const [scenes, indices, gradings, masks, calibrations] = await Promise.all([soil.scenes(), soil.indices(), soil.gradings(), soil.masks(), soil.calibrations()]);
      const [first] = scenes;
      if (desk.signal.aborted) return;
      if (!first) return fill(root, message(t("soil.none"), t("soil.none.hint")));
      const choices: Choices = { scenes, indices, gradings, masks, calibrations: calibrations.filter(({ state }) => state === "done") };
      form(desk, choices, start(desk.params, choices, first));
    } catch (error) {
      fill(root, failed(error, app, () => void read()));
    }
  };
  void read();
}

function start(params: Record<string, string>, { scenes, gradings }: Choices, first: Scene): Asked {
  const known = (id: string | undefined): string | undefined => scenes.find((one) => one.id === id)?.id;
  const before = known(params.before);
  return {
    kind: before ? "pair" : "scene",
    scene: known(params.after) ?? known(params.scene) ?? first.id,
    before: before ?? scenes.find((one) => one.properties.datetime < first.properties.datetime)?.id ?? "",
    measure: params.model ? `${MODEL}${params.model}` : "si_gr",
    grading: gradings.find(({ id }) => id === "demo-si-gr")?.id ?? OWN,
    cuts: "0.15, 0.2, 0.25",
    zones: "layer",
    layer: "plots",
    filter: "",
    drawn: null,
    masks: new Set(BARE_SOIL),
    seasons: false,
  };
}

function form(desk: Desk, choices: Choices, asked: Asked): void {
  const { app, root } = desk;
  const fault = h("p", { class: "error", role: "alert" });
  const key = onceKey();
  const again = (change: Partial<Asked>): void => {
    Object.assign(asked, change);
    form(desk, choices, asked);
  };
  const submit = h("button", { type: "submit", class: "button primary" }, t("soil.run.start"));
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    submit.disabled = true;
    fill(fault);
    try {
      const { id } = await app.api.post<"/soil/runs", { id: number }>("/soil/runs", { json: bodyOf(asked, choices), headers: { "Idempotency-Key": key } });
      desk.go(["runs", String(id)]);
    } catch (error) {
      submit.disabled = false;
      fill(fault, reasonOf(error));
    }
  };
  fill(
    root,
    backTo(app, ["runs"], t("soil.back.runs")),
    h("h3", { class: "detail-title" }, t("soil.run.new")),
    h(
      "form",
      { class: "soil-form", onsubmit: (event) => void send(event) },
      scenesOf(asked, choices, again),
      measureOf(asked, choices, again),
      zonesOf(asked, desk, again),
      masksOf(asked, choices),
      asked.kind === "pair" && checkbox(t("soil.run.seasons"), asked.seasons, (seasons) => void (asked.seasons = seasons)),
      fault,
      h("div", { class: "row end" }, submit),
    ),
  );
}

function part(title: string, ...content: (Node | false)[]): HTMLElement {
  return h("fieldset", { class: "form-part" }, h("legend", {}, title), ...content);
}

function scenesOf(asked: Asked, { scenes }: Choices, again: (change: Partial<Asked>) => void): HTMLElement {
  const options = scenes.map(({ id, properties }): Option => [id, `${date(properties.datetime, language())} · ${properties.title ?? id}`]);
  const pair = asked.kind === "pair";
  return part(
    t("soil.scene"),
    segments(t("soil.run.kind"), asked.kind, [["scene", t("soil.run.one")], ["pair", t("soil.run.two")]], (kind) => again({ kind })),
    pair && select(t("soil.before"), asked.before, options, (before) => void (asked.before = before)),
    select(pair ? t("soil.after") : t("soil.scene"), asked.scene, options, (scene) => again({ scene })),
  );
}

function measureOf(asked: Asked, { scenes, indices, gradings, calibrations }: Choices, again: (change: Partial<Asked>) => void): HTMLElement {
  const lang = language();
  const scene = scenes.find(({ id }) => id === asked.scene);
  const usable = indices.filter((index) => scene && fits(index, scene));
  const groups = [...new Set(usable.map(({ group }) => group))];
  const option = (value: string, text: string): HTMLOptionElement => h("option", { value, selected: value === asked.measure }, text);
  const measure = h(
    "select",
    { onchange: (event) => again({ measure: (event.target as HTMLSelectElement).value }) },
    ...groups.map((group) => h("optgroup", { label: groupTitle(group) }, ...usable.filter((one) => one.group === group).map(({ id, title }) => option(id, `${title[lang]} (${id})`)))),
  );
  const models = calibrations.map(({ id, target, model }) => option(`${MODEL}${id}`, `${targetTitle(target)} · ${modelTitle(model)} #${id}`));
  if (models.length) measure.append(h("optgroup", { label: t("soil.models") }, ...models));
  const chosen = usable.find(({ id }) => id === asked.measure);
  const schemes: Option[] = [...gradings.filter(({ axes }) => axes.length === 1).map(({ id, title }): Option => [id, title[lang]]), [OWN, t("soil.run.ownCuts")]];
  return part(
    t("soil.run.measure"),
    field(t("soil.index"), measure, chosen ? `${chosen.formula} · ${chosen.citation}` : undefined),
    select(t("soil.grading"), asked.grading, schemes, (grading) => again({ grading })),
    asked.grading === OWN &&
      field(t("soil.run.cuts"), h("input", { type: "text", value: asked.cuts, required: true, onchange: (event) => void (asked.cuts = (event.target as HTMLInputElement).value) }), t("soil.run.cuts.hint")),
  );
}

function zonesOf(asked: Asked, { app }: Desk, again: (change: Partial<Asked>) => void): HTMLElement {
  const catalog = app.catalog.get();
  const layers = catalog.state === "ready" ? catalog.collections.filter(({ id, liangtian }) => liangtian.geometry === "MultiPolygon" && id !== GROUND) : [];
  const drawn = app.board?.overlay("drawn");
  if (asked.drawn && asked.zones === "drawn") drawn?.shapes({ type: "FeatureCollection", features: [{ type: "Feature", properties: {}, geometry: asked.drawn }] }, { color: "#c2371f", fill: 0.08 });
  else drawn?.remove();
  const draw = async (): Promise<void> => {
    const shape = await app.board?.draw("Polygon");
    if (shape) again({ drawn: shape });
  };
  return part(
    t("soil.run.zones"),
    segments(t("soil.run.zones"), asked.zones, [["layer", t("soil.run.layer")], ["drawn", t("soil.run.drawn")]], (zones) => again({ zones })),
    ...(asked.zones === "layer"
      ? [
          select(t("figures.layer"), asked.layer, layers.map(({ id, title }): Option => [id, title]), (layer) => void (asked.layer = layer)),
          field(t("soil.run.filter"), h("input", { type: "text", value: asked.filter, onchange: (event) => void (asked.filter = (event.target as HTMLInputElement).value) }), t("soil.run.filter.hint")),
        ]
      : [
          h("div", { class: "row" }, button(asked.drawn ? t("soil.run.redraw") : t("soil.run.draw"), () => void draw()), h("span", { class: "note" }, asked.drawn ? t("soil.run.drawn.done") : t("soil.run.drawn.none"))),
        ]),
  );
}

function masksOf(asked: Asked, { masks, scenes }: Choices): HTMLElement {
  const scene = scenes.find(({ id }) => id === asked.scene);
  const usable = masks.filter((mask) => scene && hasBands(mask, scene));
  return part(
    t("soil.run.masks"),
    h(
      "div",
      { class: "mask-list" },
      ...usable.map(({ id, title }) =>
        checkbox(title[language()], asked.masks.has(id), (on) => void (on ? asked.masks.add(id) : asked.masks.delete(id))),
      ),
    ),
  );
}

/** The body of POST /soil/runs. */
export function bodyOf(asked: Asked, { masks, scenes }: Pick<Choices, "masks" | "scenes">): Record<string, unknown> {
  const scene = scenes.find(({ id }) => id === asked.scene);
  const usable = masks.filter((mask) => asked.masks.has(mask.id) && scene !== undefined && hasBands(mask, scene)).map(({ id }) => id);
  return {
    ...(asked.kind === "pair" ? { before: asked.before, after: asked.scene, ...(asked.seasons ? { across_seasons: true } : {}) } : { scene: asked.scene }),
    ...(asked.measure.startsWith(MODEL) ? { model: Number(asked.measure.slice(MODEL.length)) } : { index: asked.measure }),
    grading: asked.grading === OWN ? cutsOf(asked.cuts) : asked.grading,
    zones:
      asked.zones === "drawn"
        ? { geometries: { type: "FeatureCollection", features: asked.drawn ? [{ type: "Feature", properties: {}, geometry: asked.drawn }] : [] } }
        : { layer: asked.layer, ...(asked.filter.trim() ? { filter: asked.filter.trim() } : {}) },
    masks: usable,
  };
}

/** "0.1, 0.2" as limits, and a label for each grade between them. */
export function cutsOf(text: string): { cuts: number[]; labels: string[] } {
  const cuts = text.split(/[,，、;；\s]+/).filter(Boolean).map(Number);
  const first = `<${cuts[0] ?? ""}`;
  return { cuts, labels: [first, ...cuts.map((cut, at) => (at + 1 < cuts.length ? `${cut}–${cuts[at + 1]}` : `≥${cut}`))] };
}
