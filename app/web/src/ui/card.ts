import { type Child, h } from "./dom";

/** A box with a heading; `actions` stand at its right. */
export function card(title: string, content: Child[], actions: Child[] = []): HTMLElement {
  return h(
    "section",
    { class: "card" },
    h("header", { class: "card-head" }, h("h3", {}, title), h("div", { class: "row" }, ...actions)),
    ...content,
  );
}

export type Tone = "" | "good" | "warn" | "bad" | "accent";

/** A short word on a coloured ground: a state, a count. */
export function chip(text: string, tone: Tone = ""): HTMLElement {
  return h("span", { class: `chip ${tone}`.trim() }, text);
}

/** One large number with its unit and what it says. */
export function figure(value: string, unit: string, note?: string): HTMLElement {
  return h(
    "div",
    { class: "figure" },
    h("span", { class: "figure-value" }, value),
    h("span", { class: "figure-unit" }, unit),
    note !== undefined && h("span", { class: "figure-note" }, note),
  );
}

/** Names and values, two columns. */
export function facts(rows: readonly [name: string, value: Child][], name = "facts"): HTMLElement {
  return h("dl", { class: name }, ...rows.flatMap(([title, value]) => [h("dt", {}, title), h("dd", {}, value)]));
}
