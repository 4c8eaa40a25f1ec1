/** Attribute values as people read them: titles of codes, units, dates. Always text, never markup. */
import type { Property } from "../../api/answers";
import { language, t, unitText } from "../../i18n";
import { date, decimal } from "../../ui/format";

export function isBlank(value: unknown): boolean {
  return value === null || value === undefined || value === "";
}

export function valueText(raw: unknown, property: Property | undefined): string {
  const lang = language();
  if (isBlank(raw)) return "";
  const code = property?.oneOf?.find((one) => one.const === String(raw));
  if (code) return code.title;
  if (typeof raw === "boolean") return raw ? t("feature.yes") : t("feature.no");
  if (typeof raw === "number") {
    // Years and other whole numbers are not cut into thousands.
    const text = Number.isInteger(raw) && !property?.["x-unit"] ? String(raw) : decimal(raw, lang, 4);
    const unit = property?.["x-unit"] ?? "";
    return unit ? `${text} ${unitText(unit)}` : text;
  }
  if (property?.format === "date-time") return date(String(raw), lang, true);
  if (property?.format === "date") return date(String(raw), lang);
  return typeof raw === "object" ? JSON.stringify(raw) : String(raw);
}
