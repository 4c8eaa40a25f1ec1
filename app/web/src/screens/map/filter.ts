/** The conditions of one layer: a line each, with a control that fits the field. */
import type { Collection, Property, Schema } from "../../api/answers";
import type { Condition, Operator } from "../../app/filters";
import { t } from "../../i18n";
import { iconButton } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { checkbox, field, segments, select } from "../../ui/field";
import type { MapScreen } from ".";

const TYPING_MS = 400;

export function filterEditor(collection: Collection, schema: Schema, screen: MapScreen): HTMLElement {
  const { store } = screen;
  const { id } = collection;
  const root = h("div", { class: "filter", role: "group", "aria-label": t("filter.title", { layer: collection.title }) });
  /** Fields that are shown, also those whose condition is still empty. */
  const open = new Set((store.get().filters[id] ?? []).map((one) => one.field));
  const conditions = (): Condition[] => store.get().filters[id] ?? [];
  const valuesOf = (name: string, op: Operator): string[] =>
    conditions().find((one) => one.field === name && one.op === op)?.values ?? [];
  const set = (name: string, op: Operator, values: string[]): void => {
    const rest = conditions().filter((one) => one.field !== name || one.op !== op);
    const filled = values.some((value) => value !== "") || op === "blank";
    const next = filled ? [...rest, { field: name, op, values }] : rest;
    const { [id]: _, ...others } = store.get().filters;
    store.set({ filters: next.length ? { ...others, [id]: next } : others });
  };
  const remove = (name: string): void => {
    open.delete(name);
    const next = conditions().filter((one) => one.field !== name);
    const { [id]: _, ...others } = store.get().filters;
    store.set({ filters: next.length ? { ...others, [id]: next } : others });
    render();
  };
  const render = (): void => {
    const fields = Object.entries(schema.properties).filter(([name]) => name !== "fid" && name !== "geometry");
    const left = fields.filter(([name]) => !open.has(name));
    fill(
      root,
      ...[...open].flatMap((name) => {
        const property = schema.properties[name];
        if (!property) return [];
        return [
          h(
            "div",
            { class: "filter-line" },
            h("div", { class: "filter-head" }, h("span", {}, property.title ?? name), iconButton("close", t("filter.remove", { field: property.title ?? name }), () => remove(name))),
            control(name, property, { valuesOf, set, present: () => screen.present(id, name) }),
          ),
        ];
      }),
      select(
        t("filter.add"),
        "",
        [["", t("filter.choose")], ...left.map(([name, { title }]): [string, string] => [name, title ?? name])],
        (name) => {
          if (name) open.add(name);
          render();
          root.querySelectorAll<HTMLElement>(".filter-line:last-of-type :is(input, button, select)")[1]?.focus();
        },
      ),
    );
  };
  render();
  return root;
}

interface Access {
  valuesOf: (name: string, op: Operator) => string[];
  set: (name: string, op: Operator, values: string[]) => void;
  present: () => Promise<string[]>;
}

function control(name: string, property: Property, access: Access): HTMLElement {
  const { type, format, oneOf, title = name } = property;
  if (oneOf?.length) return codes(name, property, access);
  if (type === "boolean") {
    const [now = ""] = access.valuesOf(name, "in");
    const box = h("div", {});
    const render = (value: string): void =>
      fill(
        box,
        segments(title, value, [["", t("filter.any")], ["true", t("feature.yes")], ["false", t("feature.no")]], (next) => {
          access.set(name, "in", [next]);
          render(next);
        }),
      );
    render(now);
    return box;
  }
  if (type === "integer" || type === "number" || format) {
    const kind = type === "string" ? "date" : "number";
    const bound = (op: "min" | "max"): HTMLElement =>
      field(t(`filter.${op}`), typed(kind, access.valuesOf(name, op)[0] ?? "", (value) => access.set(name, op, [value]), title));
    return h("div", { class: "filter-range" }, bound("min"), bound("max"));
  }
  return field(t("filter.has"), typed("search", access.valuesOf(name, "has")[0] ?? "", (value) => access.set(name, "has", [value]), title));
}

/** Tells of a value a moment after the last key. */
function typed(type: string, value: string, run: (value: string) => void, title: string): HTMLInputElement {
  let timer = 0;
  const input = h("input", {
    type, value, "aria-label": title, ...(type === "number" ? { step: "any", inputmode: "decimal" } : {}),
    oninput: () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => run(input.value.trim()), TYPING_MS);
    },
  });
  return input;
}

function codes(name: string, { oneOf = [] }: Property, access: Access): HTMLElement {
  const list = h("div", { class: "filter-codes" });
  const chosen = new Set(access.valuesOf(name, "in"));
  const render = (known: readonly string[]): void => {
    const shown = oneOf.filter((code) => !known.length || known.includes(code.const) || chosen.has(code.const));
    fill(
      list,
      ...shown.map((code) =>
        checkbox(code.title, chosen.has(code.const), (on) => {
          if (on) chosen.add(code.const);
          else chosen.delete(code.const);
          access.set(name, "in", [...chosen]);
        }),
      ),
    );
  };
  // Values that occur; a long list would bury them.
  access.present().then(render, () => render([]));
  return list;
}
