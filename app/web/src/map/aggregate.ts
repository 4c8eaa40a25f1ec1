/** What a cell of a tile of low zooms says: how many features it stands for, and how much of what. */
import { area, integer, length } from "../ui/format";
import { language, t } from "../i18n";
import type { ClassColor } from "./palette";

type Properties = Record<string, unknown>;

export interface Part {
  title: string;
  color: string | null;
  text: string;
}

export function isAggregate(properties: Properties): boolean {
  return properties.aggregate === true;
}

export function countText({ count }: Properties): string {
  return t("aggregate.count", { count: integer(typeof count === "number" ? count : 0, language()) });
}

/** The area in mu or the length; of points nothing. */
export function sizeText({ area_m2: m2, length_m: metres }: Properties): string {
  if (typeof m2 === "number") return `${area(m2, "mu", language())} ${t("unit.mu")}`;
  if (typeof metres !== "number") return "";
  const { value, unit } = length(metres, language());
  return `${value} ${t(`unit.${unit}`)}`;
}

/** The sum by class, in the order of the legend; what has no class comes last. */
export function parts(properties: Properties, classes: ClassColor[]): Part[] {
  const measure = ["area_m2", "length_m"].find((name) => name in properties) ?? "count";
  const of = (code: string, title: string, color: string | null): Part[] => {
    const size = properties[`${measure}_${code}`];
    if (typeof size !== "number") return [];
    const text = measure === "count" ? integer(size, language()) : sizeText({ [measure]: size });
    return [{ title, color, text }];
  };
  return [
    ...classes.flatMap(({ code, title, color }) => of(code, title, color)),
    ...of("null", t("aggregate.unclassed"), null),
  ];
}
