/** Changing a feature that is there: its attributes, its shape; and what somebody else did meanwhile. */
import type { Collection, Feature, Schema } from "../../../api/answers";
import { ApiError } from "../../../api/problem";
import { t } from "../../../i18n";
import { button } from "../../../ui/button";
import { fill, h } from "../../../ui/dom";
import { input } from "../../../ui/field";
import { reasonOf } from "../../../ui/states";
import type { MapScreen } from "..";
import { type Choice, compareTable, sidesOf } from "./compare";
import { showFaults } from "./faults";
import { attributeForm } from "./form";
import { type Patch, patch, type Seen } from "./service";

/** Fills `root`; `done` runs when the edit is stored or given up. */
export function editPanel(root: HTMLElement, screen: MapScreen, layer: Collection, schema: Schema, seen: Seen, done: () => void): void {
  const { api, board } = screen;
  const form = attributeForm(schema, seen.feature.properties);
  const faults = h("div", { class: "edit-faults", tabindex: -1, role: "alert" });
  const conflict = h("div", {});
  let reason = "";
  let moved: GeoJSON.Geometry | null = null;

  const change = (): Patch => {
    const properties = form.changes();
    return { ...(Object.keys(properties).length ? { properties } : {}), ...(moved ? { geometry: moved } : {}) };
  };
  const stored = (): void => {
    screen.toast(t("edit.saved"));
    screen.refresh();
    done();
  };
  const send = async (what: Seen, wanted: Patch, keep = false): Promise<void> => {
    save.disabled = true;
    form.clear();
    fill(faults);
    try {
      await patch(api, what, layer.id, wanted, reason, keep);
      stored();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "E_CONFLICT_KEPT") {
        screen.toast(t("conflict.kept"));
        return done();
      }
      if (error.code === "E_VERSION_CONFLICT") return meet(error, wanted);
      showFaults(error, form, faults);
    } finally {
      save.disabled = false;
    }
  };
  /** Somebody was faster: both edits side by side, and three ways on. */
  const meet = (error: ApiError, wanted: Patch): void => {
    const current = error.body.current as Feature | null;
    const tag = typeof error.body.etag === "string" ? error.body.etag : "";
    const keep = button(t("conflict.keep"), () => void send(seen, wanted, true));
    const drop = button(t("conflict.drop"), () => {
      screen.refresh();
      done();
    }, "quiet");
    edited.hidden = true;
    if (!current) {
      fill(conflict, h("h3", { class: "conflict-title" }, t("conflict.gone")), h("p", { class: "state-hint" }, t("conflict.gone.hint")), h("div", { class: "row" }, keep, drop));
      return conflict.querySelector("button")?.focus();
    }
    const same = JSON.stringify(current.geometry) === JSON.stringify(seen.feature.geometry);
    const sides = sidesOf(seen.feature.properties, wanted.properties ?? {}, ownOf(current, schema), { mine: Boolean(wanted.geometry), theirs: !same });
    const choice: Choice = {};
    const merge = (): void => {
      const holds = (name: string): boolean => (choice[name] ?? "mine") === "mine";
      const properties = Object.fromEntries(Object.entries(wanted.properties ?? {}).filter(([name]) => holds(name)));
      const geometry = wanted.geometry && holds("geometry") ? wanted.geometry : undefined;
      edited.hidden = false;
      fill(conflict);
      void send({ feature: current, tag }, { properties, ...(geometry ? { geometry } : {}) });
    };
    fill(
      conflict,
      h("h3", { class: "conflict-title" }, t("conflict.title")),
      h("p", { class: "state-hint" }, t(sides.clashes.length ? "conflict.choose" : "conflict.apart")),
      compareTable(schema, sides, choice),
      h("div", { class: "row" }, button(t("conflict.merge"), merge, "primary"), keep, drop),
    );
    conflict.querySelector<HTMLElement>("input, button")?.focus();
  };

  const shape = seen.feature.geometry;
  const state = h("p", { class: "note" });
  const reshape = async (): Promise<void> => {
    if (!board || !shape) return;
    board.fit(moved ?? shape);
    board.highlight(null); // it would hide the corners
    tool.disabled = true;
    const found = await board.reshape(moved ?? shape).finally(() => (tool.disabled = false));
    board.highlight(found ?? moved ?? shape);
    if (!found) return;
    moved = found;
    state.textContent = t("edit.moved");
  };
  const tool = button(t("edit.shape"), () => void reshape());
  const save = button(t("edit.save"), () => {
    const wanted = change();
    if (Object.keys(wanted).length) void send(seen, wanted).catch((error: unknown) => fill(faults, reasonOf(error)));
    else fill(faults, h("p", { class: "note" }, t("edit.nothing")));
  }, "primary", { "data-action": "save" });
  const edited = h(
    "div",
    {},
    shape && board ? h("div", { class: "row edit-shape" }, tool, state) : null,
    form.element,
    input(t("edit.reason"), "", (text) => (reason = text.trim()), { maxlength: 200, placeholder: t("edit.reason.hint") }),
    faults,
    h("div", { class: "row edit-foot" }, save, button(t("edit.cancel"), done, "quiet")),
  );
  fill(root, h("div", { class: "feature-head" }, h("p", { class: "label" }, layer.title), h("h2", { class: "panel-title" }, t("edit.title", { number: seen.feature.id }))), edited, conflict);
  root.scrollTop = 0;
}

/** The layer's own fields of a feature. */
function ownOf({ properties }: Feature, schema: Schema): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => schema.properties[name] && !schema.properties[name].readOnly));
}
