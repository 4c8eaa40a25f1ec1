/** The selected feature: its attributes by their titles, its size, what else lies there. */
import type { Collection, Property, Schema } from "../../api/answers";
import { ApiError } from "../../api/client";
import { collectionOf } from "../../app/context";
import type { FeatureRef } from "../../app/state";
import { language, t } from "../../i18n";
import { countText, parts } from "../../map/aggregate";
import type { Aggregate } from "../../map/hits";
import { classColors } from "../../map/palette";
import { button } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { area, date, decimal, length } from "../../ui/format";
import { failed, loading, message } from "../../ui/states";
import type { MapScreen } from ".";
import { createPanel } from "./edit/create";
import { editPanel } from "./edit/editor";
import { photoSection } from "./edit/photos";
import { read, type Seen } from "./edit/service";
import { broughtBack, removed } from "./edit/tombstone";
import { historySection } from "./history";
import { swatch } from "./legend";
import { isBlank, valueText } from "./values";

/** Numbers of the system: shown in their own places, not among the attributes. */
const SYSTEM = new Set([
  "fid", "version", "revision", "log_seq", "updated_at", "area_m2", "area_ha", "area_mu", "length_m",
]);

export function featurePanel(root: HTMLElement, screen: MapScreen): void {
  const { api, store, catalog, hit, board, editing } = screen;
  let asked = 0;

  const update = async (): Promise<void> => {
    if (editing.get() === "change") return;
    const mine = ++asked;
    if (editing.get() === "create") {
      return createPanel(root, screen, (selected) => {
        editing.set("");
        store.set({ selected });
        void update();
      });
    }
    const { selected } = store.get();
    const collection = selected && collectionOf(catalog.get(), selected.layer);
    if (!selected || !collection) {
      const { aggregate } = hit.get();
      const of = aggregate && collectionOf(catalog.get(), aggregate.layer);
      return fill(root, ...(aggregate && of ? summary(aggregate, of, screen) : nothing()));
    }
    fill(root, h("h2", { class: "panel-title" }, collection.title), loading());
    try {
      const { asOf } = store.get();
      const [schema, seen] = await Promise.all([api.schema(selected.layer), read(api, { ...selected }, asOf)]);
      if (mine !== asked) return;
      board?.highlight(seen.feature.geometry);
      const edit = (): void => {
        editing.set("change");
        editPanel(root, screen, collection, schema, seen, () => {
          editing.set("");
          void update();
        });
      };
      fill(root, ...view(seen, schema, collection, screen, edit, () => void update()));
    } catch (error) {
      if (mine !== asked) return;
      board?.highlight(null);
      const gone = error instanceof ApiError && (error.status === 404 || error.status === 410);
      fill(
        root,
        h("h2", { class: "panel-title" }, collection.title),
        ...(gone ? broughtBack(screen, collection, selected, () => void update()) : [failed(error, screen, () => void update())]),
      );
    }
  };

  screen.follow(store.on(["selected"], ({ selected }) => {
    if (!selected) board?.highlight(null);
    void update();
  }));
  // With a feature selected the panel is on its way already, and reads the hit when it gets there.
  hit.on(() => {
    if (!store.get().selected) void update();
  });
  screen.follow(catalog.on(() => void update()));
  screen.follow(store.on(["asOf"], () => void update()));
  screen.follow(screen.session.on(() => void update()));
  editing.on((state) => {
    if (state === "create") void update();
  });
  void update();
}

function nothing(): HTMLElement[] {
  return [
    h("h2", { class: "panel-title" }, t("feature.title")),
    message(t("feature.none"), t("feature.none.hint")),
  ];
}

function view(seen: Seen, schema: Schema, collection: Collection, screen: MapScreen, edit: () => void, changed: () => void): HTMLElement[] {
  const { store, board } = screen;
  const { feature } = seen;
  const { properties, geometry } = feature;
  // What was is only looked at.
  const may = screen.session.may(collection.liangtian.commit_role) && store.get().asOf === null;
  const name = properties[collection.liangtian.label ?? ""];
  const shown = Object.entries(schema.properties).filter(([key]) => !SYSTEM.has(key) && key in properties);
  const blank = shown.filter(([key]) => isBlank(properties[key]));
  const full = shown.filter(([key]) => !isBlank(properties[key]));
  const parts: (HTMLElement | false)[] = [
    h(
      "div",
      { class: "feature-head" },
      h("p", { class: "label" }, collection.title),
      h("h2", { class: "panel-title" }, isBlank(name) ? `#${feature.id}` : String(name)),
    ),
    measures(properties),
    h(
      "div",
      { class: "row" },
      may && button(t("edit.open"), edit, "primary", { "data-action": "edit" }),
      geometry ? button(t("feature.zoomTo"), () => board?.fit(geometry)) : null,
      button(t("feature.clear"), () => store.set({ selected: null }), "quiet"),
    ),
    h(
      "dl",
      { class: "attributes" },
      ...full.flatMap(([key, property]) => [
        h("dt", {}, property.title ?? key),
        h("dd", {}, ...value(properties[key], property, key, collection)),
      ]),
    ),
    blank.length > 0 &&
      h(
        "details",
        { class: "blanks" },
        h("summary", {}, t("feature.blanks", { count: blank.length })),
        h("p", {}, blank.map(([key, property]) => property.title ?? key).join(language() === "zh" ? "、" : ", ")),
      ),
    photoSection({ layer: collection.id, fid: feature.id }, may, screen),
    others(feature, screen),
    historySection(collection, schema, screen, feature.id, may ? { seen, changed } : null),
    origin(feature),
    may && h("div", { class: "row" }, button(t("edit.remove"), () => void removed(screen, collection, seen, changed), "danger", { "data-action": "remove" })),
  ];
  return parts.filter((part): part is HTMLElement => part !== false);
}

function measures(properties: Record<string, unknown>): HTMLElement | false {
  const lang = language();
  const { area_m2: m2, length_m: metres } = properties;
  if (typeof m2 === "number") {
    return h(
      "div",
      { class: "figure" },
      h("span", { class: "figure-value" }, area(m2, "mu", lang)),
      h("span", { class: "figure-unit" }, t("unit.mu")),
      h("span", { class: "figure-note" }, `${area(m2, "ha", lang)} ${t("unit.ha")} · ${decimal(m2, lang, 1)} ${t("unit.m2")}`),
    );
  }
  if (typeof metres === "number") {
    const { value, unit } = length(metres, lang);
    return h(
      "div",
      { class: "figure" },
      h("span", { class: "figure-value" }, value),
      h("span", { class: "figure-unit" }, t(`unit.${unit}`)),
    );
  }
  return false;
}

function value(raw: unknown, property: Property, key: string, collection: Collection): (Node | string)[] {
  const text = valueText(raw, property);
  const color = key === collection.liangtian.style.by ? classColors(property.oneOf ?? []).find((c) => c.code === String(raw))?.color : undefined;
  return color ? [swatch(collection, color), h("span", {}, text)] : [text];
}

function others(feature: Seen["feature"], { store, hit, catalog }: MapScreen): HTMLElement | false {
  const { selected } = store.get();
  const rest = hit.get().features.filter(
    ({ layer, fid }) => layer !== selected?.layer || fid !== selected.fid,
  );
  const here = hit.get().features.some(({ layer, fid }) => layer === selected?.layer && fid === feature.id);
  if (!here || !rest.length) return false;
  const choose = (ref: FeatureRef): HTMLElement =>
    button(
      `${collectionOf(catalog.get(), ref.layer)?.title ?? ref.layer} #${ref.fid}`,
      () => store.set({ selected: ref }),
      "chip",
    );
  return h("div", { class: "also" }, h("p", { class: "label" }, t("feature.also")), ...rest.slice(0, 8).map(choose));
}

function origin({ properties, id }: Seen["feature"]): HTMLElement {
  const { version, updated_at: updated } = properties;
  const parts = [
    `#${id}`,
    typeof version === "number" ? t("feature.version", { version }) : "",
    typeof updated === "string" ? t("feature.updated", { time: date(updated, language(), true) }) : "",
  ];
  return h("p", { class: "note" }, parts.filter(Boolean).join(" · "));
}

function summary(aggregate: Aggregate, collection: Collection, { board }: MapScreen): HTMLElement[] {
  const { properties, at, classes } = aggregate;
  const shares = parts(properties, classes);
  const rows: (HTMLElement | false)[] = [
    h("h2", { class: "panel-title" }, t("aggregate.title", { layer: collection.title })),
    measures(properties),
    h("p", {}, countText(properties)),
    shares.length > 0 &&
      h(
        "dl",
        { class: "attributes" },
        ...shares.flatMap(({ title, color, text }) => [
          h("dt", {}, ...(color ? [swatch(collection, color)] : []), h("span", {}, title)),
          h("dd", {}, text),
        ]),
      ),
    h("p", { class: "state-hint" }, t("aggregate.hint")),
    h("div", { class: "row" }, button(t("aggregate.zoom"), () => board?.zoomInAt(at))),
  ];
  return rows.filter((part): part is HTMLElement => part !== false);
}
