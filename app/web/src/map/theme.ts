/** By what a layer may be coloured, and in which colours: code lists, yes and no, years and grades. */
import type { Code, Property, Schema } from "../api/answers";
import { t } from "../i18n";
import { type ClassColor, classColors } from "./palette";

/** From light to dark, told apart by lightness alone: cividis, without its ends. */
const STEPS: readonly [number, number, number][] = [
  [233, 213, 107], [188, 175, 111], [149, 143, 120], [114, 112, 120], [73, 84, 112], [24, 56, 107],
];
const MOST_STEPS = 12;

/** Fields that a map may be coloured by. */
export function themesOf({ properties }: Schema): [field: string, property: Property][] {
  return Object.entries(properties).filter(([, property]) => isTheme(property));
}

function isTheme({ type, oneOf, minimum, maximum }: Property): boolean {
  if (oneOf?.length || type === "boolean") return true;
  if (type !== "integer" || minimum === undefined || maximum === undefined) return false;
  return maximum - minimum < MOST_STEPS || (minimum >= 1900 && maximum <= 2200); // grades, years
}

/** Whether the classes follow from the values that occur, and not from a list. */
export function isStepped({ type }: Property): boolean {
  return type === "integer";
}

/** The classes of a field; `present` are the values that occur, for fields without a list. */
export function classesOf({ type, oneOf }: Property, present: readonly string[]): ClassColor[] {
  if (oneOf?.length) return classColors(oneOf);
  if (type === "boolean") {
    const codes: Code[] = [
      { const: "true", title: t("feature.yes"), "x-color": "#33767c" },
      { const: "false", title: t("feature.no"), "x-color": "#d9c8a0" },
    ];
    return classColors(codes);
  }
  const values = present.filter((value) => /^-?\d+$/.test(value)).map(Number).sort((a, b) => a - b);
  return values.map((value, index) => ({
    code: String(value),
    title: String(value),
    color: step(values.length > 1 ? index / (values.length - 1) : 1),
  }));
}

/** The colour at a share of the way from the lightest to the darkest. */
export function step(share: number): string {
  const at = Math.min(Math.max(share, 0), 1) * (STEPS.length - 1);
  const low = Math.min(Math.floor(at), STEPS.length - 2);
  const [from, to] = [STEPS[low] ?? [0, 0, 0], STEPS[low + 1] ?? [0, 0, 0]];
  const mixed = from.map((value, i) => Math.round(value + ((to[i] ?? 0) - value) * (at - low)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
