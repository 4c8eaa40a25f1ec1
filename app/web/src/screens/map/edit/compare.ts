/** Two edits of one feature side by side: what it was, theirs and mine, and whose holds. */
import type { Difference, Schema } from "../../../api/answers";
import { type Key, t } from "../../../i18n";
import { type Child, h } from "../../../ui/dom";
import { isBlank, valueText } from "../values";
import "./edit.css";

export type Side = "mine" | "theirs";
/** Whose value holds, by field; for the shape under "geometry". */
export type Choice = Record<string, Side>;

export interface Sides {
  mine: Difference;
  theirs: Difference;
  /** Fields that both changed, each to something else. */
  clashes: string[];
}

/** What both sides did to a feature. `mine` names the fields that I changed. */
export function sidesOf(base: Record<string, unknown>, mine: Record<string, unknown>, theirs: Record<string, unknown>, moved: Record<Side, boolean>): Sides {
  const differs = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b) && !(isBlank(a) && isBlank(b));
  const of = (values: Record<string, unknown>): Difference["properties"] =>
    Object.fromEntries(Object.entries(values).filter(([name, value]) => differs(base[name], value)).map(([name, value]) => [name, [base[name], value]]));
  const [ours, others] = [of(mine), of(theirs)];
  const clashes = Object.keys(ours).filter((name) => name in others && differs(ours[name]?.[1], others[name]?.[1]));
  return {
    mine: { properties: ours, geometry: moved.mine },
    theirs: { properties: others, geometry: moved.theirs },
    clashes: moved.mine && moved.theirs ? [...clashes, "geometry"] : clashes,
  };
}

/** A table of all that either side changed; where both did, one has to choose. */
export function compareTable(schema: Schema, { mine, theirs, clashes }: Sides, choice: Choice): HTMLElement {
  const names = [...new Set([...Object.keys(mine.properties), ...Object.keys(theirs.properties)])].filter((name) => schema.properties[name] && !schema.properties[name].readOnly);
  for (const name of clashes) choice[name] ??= "mine";
  const option = (name: string, side: Side, text: string): Child => {
    if (!clashes.includes(name)) return text;
    return h(
      "label",
      { class: "check" },
      h("input", { type: "radio", name: `choose-${name}`, value: side, checked: choice[name] === side, onchange: () => (choice[name] = side) }),
      h("span", {}, text || t("totals.blank")),
    );
  };
  const row = (name: string, title: string, was: string, cell: (side: Side) => string): HTMLElement =>
    h(
      "tr",
      { class: clashes.includes(name) ? "clash" : null },
      h("th", { scope: "row" }, title),
      h("td", { class: "before" }, was),
      ...(["theirs", "mine"] as const).map((side) => h("td", {}, option(name, side, cell(side)))),
    );
  const rows = names.map((name) => {
    const property = schema.properties[name];
    const was = (mine.properties[name] ?? theirs.properties[name])?.[0];
    const text = (side: Side): string => {
      const pair = { mine, theirs }[side].properties[name];
      return pair ? valueText(pair[1], property) || t("totals.blank") : "";
    };
    return row(name, property?.title ?? name, valueText(was, property) || t("totals.blank"), text);
  });
  if (mine.geometry || theirs.geometry) {
    const said = (side: Side): string => ({ mine, theirs }[side].geometry ? t("compare.moved") : "");
    rows.push(row("geometry", t("compare.shape"), "", said));
  }
  const heads: Key[] = ["history.field", "compare.was", "compare.theirs", "compare.mine"];
  return h(
    "div",
    { class: "table-box compare-table", tabindex: 0, role: "region", "aria-label": t("compare.title") },
    h(
      "table",
      { class: "table compare" },
      h("caption", { class: "visually-hidden" }, t("compare.title")),
      h("thead", {}, h("tr", {}, ...heads.map((key) => h("th", { scope: "col" }, t(key))))),
      h("tbody", {}, ...rows),
    ),
  );
}
