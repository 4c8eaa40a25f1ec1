/** What the reader wants to see of a layer: conditions, in the address and as CQL2. */
import type { Property, Schema } from "../api/answers";

/** in: one of the values; has: the text occurs; min, max: bounds that count; blank: nothing is filled in. */
export const OPERATORS = ["in", "has", "min", "max", "blank"] as const;
export type Operator = (typeof OPERATORS)[number];

export interface Condition {
  field: string;
  op: Operator;
  values: string[];
}

export type Filters = Record<string, Condition[]>;

const NAME = /^[a-z][a-z0-9_]{0,39}$/;

const escape = (text: string): string =>
  text.replace(/[;|:~]/g, (c) => `~${c.charCodeAt(0).toString(16)}`);
const unescape = (text: string): string =>
  text.replace(/~([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));

/** `parcels:stage:in:accepted|mapped;year:min:2023`, for the address. */
export function encodeFilter(layer: string, conditions: readonly Condition[]): string {
  const one = ({ field, op, values }: Condition): string => `${field}:${op}:${values.map(escape).join("|")}`;
  return `${layer}:${conditions.map(one).join(";")}`;
}

/** The layer and its conditions; what cannot be understood is left out. */
export function decodeFilter(text: string): [layer: string, conditions: Condition[]] | null {
  const colon = text.indexOf(":");
  const layer = text.slice(0, colon);
  if (colon < 0 || !NAME.test(layer)) return null;
  const conditions = text.slice(colon + 1).split(";").flatMap((part): Condition[] => {
    const [field = "", op = "", values = ""] = part.split(":");
    if (!NAME.test(field) || !(OPERATORS as readonly string[]).includes(op)) return [];
    return [{ field, op: op as Operator, values: op === "blank" ? [] : values.split("|").map(unescape) }];
  });
  return conditions.length ? [layer, conditions] : null;
}

/** Conditions as CQL2 text; "" without any. Fields that the layer has not are left out. */
export function cqlOf(conditions: readonly Condition[] | undefined, { properties }: Schema): string {
  return (conditions ?? [])
    .flatMap((condition) => {
      const property = properties[condition.field];
      const text = property && one(condition, property);
      return text ? [text] : [];
    })
    .join(" AND ");
}

function one({ field, op, values }: Condition, property: Property): string {
  const filled = values.filter((value) => value !== "");
  const [first] = filled;
  if (op === "blank") return `${field} IS NULL`;
  if (first === undefined) return "";
  if (op === "has") return `CASEI(${field}) LIKE CASEI(${quoted(`%${first.replace(/[\\%_]/g, "\\$&")}%`)})`;
  if (op === "min") return `${field} >= ${literal(first, property)}`;
  if (op === "max") return `${field} <= ${literal(first, property)}`;
  if (property.type === "boolean") return `(${filled.map((value) => `${field} = ${literal(value, property)}`).join(" OR ")})`;
  return `${field} IN (${filled.map((value) => literal(value, property)).join(", ")})`;
}

function literal(value: string, { type, format }: Property): string {
  if (type === "boolean") return value === "true" ? "TRUE" : "FALSE";
  if (type === "integer" || type === "number") return String(Number(value) || 0);
  if (format === "date") return `DATE(${quoted(value)})`;
  if (format === "date-time") return `TIMESTAMP(${quoted(value)})`;
  return quoted(value);
}

function quoted(text: string): string {
  return `'${text.replace(/'/g, "''")}'`;
}

/** Conditions in words: `建设阶段：竣工验收、上图入库`; `words` names operators and booleans. */
export function tell(
  { field, op, values }: Condition,
  { properties }: Schema,
  words: { blank: string; yes: string; no: string; and: string },
): string {
  const property = properties[field];
  const title = property?.title ?? field;
  const named = values.map(
    (value) =>
      property?.oneOf?.find((code) => code.const === value)?.title ??
      (property?.type === "boolean" ? (value === "true" ? words.yes : words.no) : value),
  );
  if (op === "blank") return `${title} ${words.blank}`;
  const sign = { in: " = ", has: " ∋ ", min: " ≥ ", max: " ≤ " }[op];
  return `${title}${sign}${named.join(words.and)}`;
}
