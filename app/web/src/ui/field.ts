/** Labelled inputs. Each gives back the label with the control inside. */
import { type Attributes, type Child, h } from "./dom";

/** Any control under its name; `hint` is read out with it. */
export function field(title: string, control: HTMLElement, hint?: string): HTMLLabelElement {
  return h(
    "label",
    { class: "field" },
    h("span", { class: "label" }, title),
    control,
    hint !== undefined && h("span", { class: "note" }, hint),
  );
}

export type Option = [value: string, text: string];

export function select(
  title: string,
  value: string,
  options: readonly Option[],
  run: (value: string) => void,
  attributes: Attributes = {},
): HTMLLabelElement {
  const control = h(
    "select",
    { onchange: (event) => run((event.target as HTMLSelectElement).value), ...attributes },
    ...options.map(([id, text]) => h("option", { value: id, selected: id === value }, text)),
  );
  return field(title, control);
}

export function input(
  title: string,
  value: string,
  run: (value: string) => void,
  attributes: Attributes = {},
): HTMLLabelElement {
  const onchange = (event: Event): void => run((event.target as HTMLInputElement).value);
  return field(title, h("input", { type: "text", value, onchange, ...attributes }));
}

export function checkbox(text: Child, checked: boolean, run: (checked: boolean) => void, attributes: Attributes = {}): HTMLLabelElement {
  const onchange = (event: Event): void => run((event.target as HTMLInputElement).checked);
  return h("label", { class: "check" }, h("input", { type: "checkbox", checked, onchange, ...attributes }), h("span", {}, text));
}

/** A few choices side by side, of which one holds. */
export function segments<T extends string>(
  title: string,
  value: T,
  options: readonly [T, string][],
  run: (value: T) => void,
): HTMLElement {
  return h(
    "div",
    { class: "segments", role: "group", "aria-label": title },
    ...options.map(([id, text]) =>
      h("button", { type: "button", "aria-pressed": String(id === value), onclick: () => run(id) }, text),
    ),
  );
}
