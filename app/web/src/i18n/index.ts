import { en } from "./en";
import { zh } from "./zh";

export type Lang = "zh" | "en";
export type Key = keyof typeof zh;

const texts: Record<Lang, Record<Key, string>> = { zh, en };
let current: Lang = "zh";

export function setLanguage(lang: Lang): void {
  current = lang;
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = t("app.title");
}

export function language(): Lang {
  return current;
}

/** The text of `key` in the language of the page, with its values put in. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return fillIn(texts[current][key], values);
}

export function fillIn(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** A unit as the definitions of layers write it (Chinese), in the language of the page. */
export function unitText(unit: string): string {
  return unit === texts.zh["unit.mu"] ? t("unit.mu") : unit;
}
