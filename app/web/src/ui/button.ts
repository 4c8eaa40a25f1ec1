import { type Attributes, h } from "./dom";
import { icon, type IconName } from "./icon";

export type ButtonKind = "" | "primary" | "quiet" | "danger" | "chip";

/** A button with a text. */
export function button(text: string, onclick: () => void, kind: ButtonKind = "", attributes: Attributes = {}): HTMLButtonElement {
  return h("button", { type: "button", class: `button ${kind}`.trim(), onclick, ...attributes }, text);
}

/** A button that shows a sign only; its name is read out and shown on hovering. */
export function iconButton(name: IconName, title: string, onclick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return h("button", { type: "button", class: "icon-button", title, "aria-label": title, onclick, ...attributes }, icon(name));
}
