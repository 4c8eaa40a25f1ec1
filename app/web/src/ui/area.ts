/** Areas as this reader wants them: 亩 first, ha and m² by choice, 万 where people say 万. */
import type { Store } from "../app/state";
import { type Key, language, t } from "../i18n";
import { segments } from "./field";
import { type AreaUnit, areaShort, fixed, inUnit } from "./format";

export interface Amount {
  value: string;
  unit: string;
}

/** A short area and its unit: "943.83", "万亩". */
export function amountOf(m2: number, unit: AreaUnit): Amount {
  const { value, scale } = areaShort(m2, unit, language());
  return { value, unit: t((scale ? `unit.${scale}.${unit}` : `unit.${unit}`) as Key) };
}

export interface AreaScale {
  /** With the unit. */
  (m2: number): string;
  /** Without it, for columns. */
  bare: (m2: number) => string;
  unit: string;
}

/** Writes areas that are read side by side: all in the one unit that suits the largest. */
export function areaScale(largest: number, unit: AreaUnit): AreaScale {
  const lang = language();
  const { scale } = areaShort(largest, unit, lang);
  const factor = { "": 1, wan: 1e4, k: 1e3 }[scale];
  const digits = scale ? 2 : inUnit(largest, unit) < 10_000 ? 1 : 0;
  const name = t((scale ? `unit.${scale}.${unit}` : `unit.${unit}`) as Key);
  const bare = (m2: number): string => (m2 === 0 ? "0" : fixed(inUnit(m2, unit) / factor, lang, digits));
  return Object.assign((m2: number) => `${bare(m2)} ${name}`, { bare, unit: name });
}

/** The same in one text. */
export function areaText(m2: number, unit: AreaUnit): string {
  const { value, unit: name } = amountOf(m2, unit);
  return `${value} ${name}`;
}

/** Chooses the unit for the whole page. */
export function unitChoice(store: Store): HTMLElement {
  const options = (["mu", "ha", "m2"] as const).map((unit): [AreaUnit, string] => [unit, t(`unit.${unit}`)]);
  return segments(t("totals.unit"), store.get().unit, options, (unit) => store.set({ unit }));
}
