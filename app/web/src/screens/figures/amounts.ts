/** Figures of targets: in the unit that a target was set in, or in the unit that the reader chose. */
import { type Lang } from "../../i18n";
import { type AreaUnit, decimal, fixed, integer, M2_PER } from "../../ui/format";
import type { TargetUnit } from "./answers";

/** m² in one of a target's unit; null where the unit is no area. */
const M2: Record<TargetUnit, number | null> = { wan_mu: 1e4 * M2_PER.mu, wan_m2: 1e4, km: null, count: null };

export interface Measure {
  /** Times a figure in the target's unit. */
  factor: number;
  /** The text of the unit: a key, or null for the title that the target itself has. */
  unit: `unit.wan.${AreaUnit}` | `unit.k.${AreaUnit}` | null;
  digits: number;
}

/** How figures of one target are written: all in one unit, so that they can be compared. */
export function measureOf(unit: TargetUnit, wanted: AreaUnit, lang: Lang): Measure {
  const m2 = M2[unit];
  if (m2 === null) return { factor: 1, unit: null, digits: unit === "km" ? 1 : 0 };
  // With 亩, the first choice, a target stays in the unit that it was set in.
  const area = wanted === "mu" && unit === "wan_m2" ? "m2" : wanted;
  const per = lang === "zh" ? 1e4 : 1e3;
  return { factor: m2 / M2_PER[area] / per, unit: lang === "zh" ? `unit.wan.${area}` : `unit.k.${area}`, digits: area === "m2" ? 1 : 2 };
}

/** A target, as it was set: without zeros that only fill up. */
export function goal(value: number, { factor, digits }: Measure, lang: Lang): string {
  return decimal(value * factor, lang, digits);
}

export function amount(value: number, { factor, digits }: Measure, lang: Lang): string {
  const scaled = value * factor;
  return digits === 0 ? integer(scaled, lang) : fixed(scaled, lang, digits);
}
