/** The attributes of a feature as inputs, made from the definition of its layer. */
import type { Property, Schema } from "../../../api/answers";
import { t, unitText } from "../../../i18n";
import { type Child, h } from "../../../ui/dom";
import { isBlank } from "../values";

type Values = Record<string, unknown>;
type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

export interface Form {
  element: HTMLElement;
  /** What differs from where the form began; null where something was emptied. */
  changes: () => Values;
  /** Says beside a field what is wrong with it; false where there is no such field. */
  fault: (name: string, text: string) => boolean;
  /** Takes away what was said. */
  clear: () => void;
}

const LONG = 120;

/** Fields that people fill in: not those that the service computes, and not the shape. */
export function ownFields(schema: Schema): [string, Property][] {
  return Object.entries(schema.properties).filter(([, property]) => !property.readOnly && !property.format?.startsWith("geometry"));
}

export function attributeForm(schema: Schema, begun: Values): Form {
  const required = new Set(schema.required ?? []);
  const lines = new Map(ownFields(schema).map(([name, property]) => [name, line(name, property, begun[name], required.has(name))]));
  const first = [...lines.values()];
  return {
    element: h("div", { class: "edit-form" }, ...first.map(({ element }) => element)),
    changes: () => {
      const found: Values = {};
      for (const [name, { read }] of lines) {
        const now = read();
        const before = isBlank(begun[name]) ? null : begun[name];
        if (now !== before) found[name] = now;
      }
      return found;
    },
    fault: (name, text) => {
      const there = lines.get(name);
      there?.say(text);
      return there !== undefined;
    },
    clear: () => {
      for (const { say } of lines.values()) say("");
    },
  };
}

interface Line {
  element: HTMLElement;
  read: () => unknown;
  say: (text: string) => void;
}

function line(name: string, property: Property, value: unknown, required: boolean): Line {
  const control = controlOf(property, value);
  const id = `edit-${name}`;
  control.id = id;
  control.name = name;
  if (required) control.setAttribute("aria-required", "true");
  const fault = h("p", { class: "error", id: `${id}-fault`, role: "alert" });
  control.setAttribute("aria-describedby", fault.id);
  const unit = property["x-unit"];
  const title: Child[] = [property.title ?? name, unit ? h("span", { class: "note" }, ` ${unitText(unit)}`) : null, required && h("span", { class: "must", title: t("edit.required") }, " *")];
  // What is not shown to a whole second or a whole number stays as it was unless it is changed.
  const shown = control.value;
  return {
    element: h("div", { class: "field" }, h("label", { class: "label", for: id }, ...title), control, fault),
    read: () => (control.value === shown ? (isBlank(value) ? null : value) : parse(control.value, property)),
    say: (text) => {
      fault.textContent = text;
      control.setAttribute("aria-invalid", String(text !== ""));
    },
  };
}

function controlOf(property: Property, value: unknown): Control {
  const text = isBlank(value) ? "" : String(value);
  if (property.oneOf) return select(property.oneOf.map((code): [string, string] => [code.const, code.title]), text);
  if (property.type === "boolean") return select([["true", t("feature.yes")], ["false", t("feature.no")]], text);
  if (property.type === "number" || property.type === "integer") {
    return h("input", {
      type: "number", value: text, step: property.type === "integer" ? 1 : "any", inputmode: property.type === "integer" ? "numeric" : "decimal",
      min: property.minimum, max: property.maximum,
    });
  }
  if (property.format === "date") return h("input", { type: "date", value: text.slice(0, 10) });
  if (property.format === "date-time") return h("input", { type: "datetime-local", step: 1, value: localTime(text) });
  if ((property.maxLength ?? 0) > LONG) return h("textarea", { maxlength: property.maxLength, rows: 2 }, text);
  return h("input", { type: "text", value: text, maxlength: property.maxLength, autocomplete: "off" });
}

function select(options: [string, string][], value: string): HTMLSelectElement {
  const known = value === "" || options.some(([id]) => id === value) ? options : [[value, value] as [string, string], ...options];
  return h("select", {}, h("option", { value: "" }, "—"), ...known.map(([id, text]) => h("option", { value: id, selected: id === value }, text)));
}

/** The form in which inputs take times: the reader's own. */
function localTime(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function parse(text: string, property: Property): unknown {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (property.type === "boolean") return trimmed === "true";
  if (property.type === "number" || property.type === "integer") return Number(trimmed);
  if (property.format === "date-time") return new Date(trimmed).toISOString();
  return trimmed;
}
