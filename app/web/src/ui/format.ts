/** Numbers as people read them. 1 亩 = 2000/3 m², exactly. */
import type { Lang } from "../i18n";

export type AreaUnit = "mu" | "ha" | "m2";
export const M2_PER_MU = 2000 / 3;
export const M2_PER: Record<AreaUnit, number> = { mu: M2_PER_MU, ha: 10_000, m2: 1 };

const locale = (lang: Lang): string => (lang === "zh" ? "zh-CN" : "en-GB");

export function integer(value: number, lang: Lang): string {
  return new Intl.NumberFormat(locale(lang), { maximumFractionDigits: 0 }).format(value);
}

/** Up to `digits` decimals, none that are only zeros. */
export function decimal(value: number, lang: Lang, digits = 2): string {
  return new Intl.NumberFormat(locale(lang), { maximumFractionDigits: digits }).format(value);
}

/** Exactly `digits` decimals, so that columns line up. */
export function fixed(value: number, lang: Lang, digits: number): string {
  return new Intl.NumberFormat(locale(lang), {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

export function inUnit(m2: number, unit: AreaUnit): number {
  return m2 / M2_PER[unit];
}

/** An exact-looking area for one feature: "12.34". */
export function area(m2: number, unit: AreaUnit, lang: Lang): string {
  return fixed(inUnit(m2, unit), lang, 2);
}

/** A short area for totals: whole units below 10 万, then 万 (zh) or thousands (en). */
export function areaShort(m2: number, unit: AreaUnit, lang: Lang): { value: string; scale: "" | "wan" | "k" } {
  const value = inUnit(m2, unit);
  if (lang === "zh" && value >= 1e5) return { value: fixed(value / 1e4, lang, 2), scale: "wan" };
  if (lang === "en" && value >= 1e6) return { value: fixed(value / 1e3, lang, 1), scale: "k" };
  return { value: fixed(value, lang, value < 100 ? 2 : value < 10_000 ? 1 : 0), scale: "" };
}

export function length(metres: number, lang: Lang): { value: string; unit: "m" | "km" } {
  if (metres < 1000) return { value: fixed(metres, lang, 1), unit: "m" };
  return { value: fixed(metres / 1000, lang, 3), unit: "km" };
}

export function percent(share: number, lang: Lang): string {
  return new Intl.NumberFormat(locale(lang), { style: "percent", maximumFractionDigits: 1 }).format(share);
}

/** A date or date-time of the service (ISO 8601) in the reader's time zone. */
export function date(text: string, lang: Lang, withTime = false): string {
  const parsed = new Date(text);
  if (Number.isNaN(parsed.getTime())) return text;
  if (!withTime && /^\d{4}-\d{2}-\d{2}$/.test(text)) return text;
  return new Intl.DateTimeFormat(locale(lang), {
    dateStyle: "medium",
    ...(withTime ? { timeStyle: "short" } : {}),
  }).format(parsed);
}

export function position(lon: number, lat: number): string {
  const ew = lon < 0 ? "W" : "E";
  const ns = lat < 0 ? "S" : "N";
  return `${Math.abs(lon).toFixed(5)}°${ew}  ${Math.abs(lat).toFixed(5)}°${ns}`;
}
