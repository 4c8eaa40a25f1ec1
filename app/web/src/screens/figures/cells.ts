/** Values of answers as people read them: units in words, areas in the chosen unit, codes by titles. */
import { type Key, type Lang, language, t } from "../../i18n";
import { type AreaUnit, date, decimal, fixed, integer, M2_PER } from "../../ui/format";
import type { AnswerColumn, AnswerTable, Value } from "./answers";

/** Units as the service writes them, and what they are called here. */
const UNITS: Record<string, Key> = {
  mu: "unit.mu", "10^4 mu": "unit.wan.mu", a: "figures.unit.year", d: "figures.unit.day", yuan: "figures.unit.yuan", "yuan/mu": "figures.unit.yuan.mu",
  "kg/mu": "figures.unit.kg.mu", t: "figures.unit.tonne", m: "unit.m", m3: "figures.unit.m3", "m3/mu": "figures.unit.m3.mu",
};
/** Whole numbers that count nothing. */
const PLAIN = new Set(["year", "row", "upload"]);
/** Words that stand in cells as the service names them. */
const WORDS: Record<string, Key> = { non_farm: "figures.word.non_farm", non_grain: "figures.word.non_grain" };
const DATE = /^\d{4}-\d\d-\d\d(T|$)/;

/** The unit of a column as it is shown; areas follow the reader's choice. */
export function unitOf({ unit }: AnswerColumn, wanted: AreaUnit): string {
  if (unit === "mu") return t(`unit.${wanted}`);
  if (unit === "10^4 mu") return t(`unit.wan.${wanted}`);
  const key = UNITS[unit ?? ""];
  return key ? t(key) : (unit ?? "");
}

/** A value in the unit that is shown. */
export function shown(value: number, { unit }: AnswerColumn, wanted: AreaUnit): number {
  return unit === "mu" || unit === "10^4 mu" ? (value * M2_PER.mu) / M2_PER[wanted] : value;
}

export function isDate(value: Value | undefined): boolean {
  return typeof value === "string" && DATE.test(value);
}

export function isNumber(column: AnswerColumn, rows: AnswerTable["rows"]): boolean {
  return !column.codelist && !PLAIN.has(column.name) && rows.some((row) => typeof row[column.name] === "number");
}

/** Decimals for a column of numbers: none for counts, else few, the same in every row. */
export function digitsOf(column: AnswerColumn, values: readonly number[]): number {
  if (values.every(Number.isInteger)) return 0;
  if (column.unit === "yuan" || column.unit === "d") return 0;
  const largest = Math.max(...values.map(Math.abs));
  return largest < 100 ? 2 : largest < 1000 ? 1 : 0;
}

export function cellText(value: Value | undefined, column: AnswerColumn, labels: AnswerTable["labels"], wanted: AreaUnit, digits: number): string {
  const lang = language();
  if (value === null || value === undefined || value === "") return "–";
  if (column.codelist) return labels[column.codelist]?.[String(value)] ?? String(value);
  if (typeof value === "boolean") return t(value ? "feature.yes" : "feature.no");
  if (typeof value === "number") return number(shown(value, column, wanted), column, digits, lang);
  const word = WORDS[value];
  if (word) return t(word);
  return isDate(value) ? date(value, lang) : value;
}

function number(value: number, { name, unit }: AnswerColumn, digits: number, lang: Lang): string {
  if (PLAIN.has(name)) return String(value);
  if (value === 0) return "0";
  if (digits === 0 && !unit) return Number.isInteger(value) ? integer(value, lang) : decimal(value, lang);
  return fixed(value, lang, digits);
}
