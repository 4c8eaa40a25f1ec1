/** Which column of the file becomes which field, with samples; and values that the file lacks. */
import { t } from "../../i18n";
import { type Child, fill, h } from "../../ui/dom";
import { input, select } from "../../ui/field";
import { type Look, finding } from "./finding";
import { tidy, titleOf, valueText } from "./words";

const UNITS = ["mu", "ha", "m2", "km2"] as const;

interface Column {
  column: string;
  field: string | null;
  samples: string[];
  unit: string | null;
}

export function mapping(look: Look): Child {
  const { report: { mapping: found, areas }, schema, draft, open } = look;
  if (!found) return null;
  const constants = found.fields.filter((one) => one.column === null);
  const columns: Column[] = [
    ...found.fields.flatMap((one) => (one.column === null ? [] : [{ ...one, column: one.column }])),
    ...found.unmapped.map((one) => ({ ...one, field: null, unit: null })),
  ];
  const fields = Object.entries(schema.properties).filter(([, property]) => !("readOnly" in property) && !("x-ogc-role" in property));
  const required = (schema as { required?: string[] }).required ?? [];
  const now = ({ column, field }: Column): string | null => {
    const decided = draft.now("mapping")?.[column];
    return decided === undefined ? field : decided;
  };
  const options: [string, string][] = [["", t("uploads.mapping.none")], ...fields.map(([id]): [string, string] => [id, `${titleOf(schema, id)}${required.includes(id) ? " *" : ""}`])];
  const body = h("div", { class: "mapping" });
  const lacking = h("div", { class: "stack" });

  const rows = (): void =>
    fill(
      body,
      ...columns.map((one) => {
        const field = now(one);
        const choose = (value: string): void => {
          draft.map(one.column, value || null, columns.filter((other) => value && now(other) === value).map(({ column }) => column));
          rows();
          missing();
        };
        const unit = draft.now("units")?.[one.column] ?? one.unit ?? "";
        const area = field !== null && (one.unit !== null || areas?.field === field);
        return h(
          "div",
          { class: "mapping-row", "data-column": one.column },
          h("span", { class: "mapping-column" }, one.column),
          h("span", { class: "samples" }, one.samples.slice(0, 3).map(tidy).join("　") || t("uploads.blank")),
          open
            ? select(t("uploads.mapping.to", { column: one.column }), field ?? "", options, choose, { class: field ? "" : "none" })
            : h("span", { class: "mapping-field" }, field ? titleOf(schema, field) : t("uploads.mapping.none")),
          open && area && select(t("uploads.mapping.unit"), unit, [["", t("uploads.mapping.unit.field")], ...UNITS.map((u): [string, string] => [u, t(`uploads.unit.${u}`)])],
            (value) => draft.entry("units", one.column, value || undefined)),
        );
      }),
    );
  /** One value for all rows: for fields that must have one, and for those that somebody adds. */
  const missing = (): void => {
    const taken = new Set(columns.map(now));
    const given = draft.now("constants") ?? {};
    const wanted = fields.map(([id]) => id).filter((id) => !taken.has(id) && (id in given || required.includes(id)));
    const free = fields.map(([id]) => id).filter((id) => !taken.has(id) && !wanted.includes(id));
    const add = (id: string): void => {
      draft.entry("constants", id, "");
      missing();
    };
    fill(
      lacking,
      ...wanted.map((id) => constant(look, id, given[id] ?? "", required.includes(id))),
      free.length > 0 && select(t("uploads.constant.add"), "", [["", t("uploads.choose")], ...free.map((id): [string, string] => [id, titleOf(schema, id)])], add),
    );
  };
  rows();
  if (open) missing();
  else fill(lacking, ...constants.map(({ field, samples }) => h("p", { class: "note" }, t("uploads.constant.is", { field: titleOf(schema, field), value: valueText(schema, field, samples[0]) }))));
  const unmapped = columns.filter((one) => one.field === null).length;
  return finding({
    name: "mapping",
    title: t("uploads.mapping"),
    value: t("uploads.mapping.count", { mapped: columns.length - unmapped, unmapped }),
    body: [body, lacking, h("p", { class: "note" }, t("uploads.mapping.hint"))],
  });
}

function constant({ schema, draft }: Look, id: string, value: string, needed: boolean): HTMLElement {
  const codes = schema.properties[id]?.oneOf;
  const title = needed ? t("uploads.constant.needed", { field: titleOf(schema, id) }) : t("uploads.constant", { field: titleOf(schema, id) });
  const give = (text: string): void => draft.entry("constants", id, text || undefined);
  if (!codes) return input(title, value, give, { "data-constant": id });
  return select(title, value, [["", t("uploads.choose")], ...codes.map((code): [string, string] => [code.const, code.title])], give, { "data-constant": id });
}
