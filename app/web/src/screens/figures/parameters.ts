/** Inputs for the parameters of a question, made from their schemas; codes are chosen by their titles. */
import type { Api } from "../../api/client";
import { type Key, language, t } from "../../i18n";
import { h } from "../../ui/dom";
import { field, type Option } from "../../ui/field";
import type { ParameterSchema, Question } from "./answers";

export interface Form {
  fields: HTMLElement[];
  values: () => Record<string, string>;
  /** Every parameter that must be given has a value. */
  complete: () => boolean;
}

/** Where the choices of a parameter come from: codes of a field, or features of a layer. */
type Choices = (api: Api) => Promise<Option[]>;
const CHOICES: Record<string, Choices> = {
  county: (api) => codes(api, "parcels", "county"),
  kind: (api) => codes(api, "structures", "kind"),
  district: (api) => features(api, "districts"),
};

export function isRequired(schema: ParameterSchema): boolean {
  return !("default" in schema);
}

export interface Kind {
  type: "date" | "number" | "text";
  minimum?: number | undefined;
  maximum?: number | undefined;
  whole: boolean;
}

/** What is typed in, from a schema or the first of its alternatives that is not null. */
export function kindOf(schema: ParameterSchema): Kind {
  const one = schema.anyOf?.find(({ type }) => type !== "null") ?? schema;
  const { minimum, maximum } = one;
  const whole = one.type === "integer";
  const type = one.format === "date" ? "date" : whole || one.type === "number" ? "number" : "text";
  return { type, minimum, maximum, whole };
}

/** "中文 / English" in the language of the page, without the full stop. */
export function titleOf(description: string): string {
  const [zh = "", en = zh] = description.split(" / ");
  return (language() === "zh" ? zh : en).replace(/[.。]$/, "");
}

export async function parameterForm(api: Api, question: Question, given: Record<string, string>, changed: () => void): Promise<Form> {
  const controls = new Map<string, HTMLInputElement | HTMLSelectElement>();
  const fields: HTMLElement[] = [];
  for (const [name, schema] of Object.entries(question.parameters)) {
    const choices = await CHOICES[name]?.(api).catch(() => []);
    const start = given[name] ?? (schema.default === null || schema.default === undefined ? "" : String(schema.default));
    const control = choices?.length ? select(choices, start, !isRequired(schema)) : input(schema, start);
    control.addEventListener("change", changed);
    controls.set(name, control);
    fields.push(field(CHOICES[name] ? t(`figures.param.${name}` as Key) : titleOf(schema.description ?? name), control));
  }
  const values = (): Record<string, string> => Object.fromEntries([...controls].map(([name, { value }]) => [name, value.trim()]));
  const complete = (): boolean => [...controls].every(([name, { value }]) => value.trim() !== "" || !isRequired(question.parameters[name] ?? {}));
  return { fields, values, complete };
}

function select(choices: readonly Option[], start: string, all: boolean): HTMLSelectElement {
  const options: Option[] = all ? [["", t("figures.all")], ...choices] : [...choices];
  return h("select", {}, ...options.map(([value, text]) => h("option", { value, selected: value === start }, text)));
}

function input(schema: ParameterSchema, start: string): HTMLInputElement {
  const { type, minimum, maximum, whole } = kindOf(schema);
  return h("input", {
    type,
    value: start,
    required: isRequired(schema),
    ...(type === "number" ? { min: minimum ?? null, max: maximum ?? null, step: whole ? 1 : "any", inputmode: "decimal" } : {}),
  });
}

async function codes(api: Api, layer: string, name: string): Promise<Option[]> {
  const schema = await api.schema(layer);
  return (schema.properties[name]?.oneOf ?? []).map(({ const: code, title }) => [code, title]);
}

async function features(api: Api, layer: string): Promise<Option[]> {
  const { features: found } = await api.get("/collections/{layer}/items", { path: { layer }, query: { limit: 200, properties: "code,name", f: "geojson" } });
  return found.map(({ properties }) => [String(properties.code), String(properties.name ?? properties.code)]);
}
