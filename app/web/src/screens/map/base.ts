/** The choice of a base map, where the operator lets pages ask somebody else for one. */
import { t } from "../../i18n";
import { BASES, type BaseKind, storeBase, storedBase } from "../../map/base";
import { fill, h } from "../../ui/dom";
import { input, select } from "../../ui/field";
import type { MapScreen } from ".";

export function basePanel(root: HTMLElement, screen: MapScreen): void {
  const { board } = screen;
  const now = storedBase();
  let kind: BaseKind | "" = now?.kind ?? "";
  let key = now?.key ?? "";
  const apply = (): void => {
    const base = kind && key ? { kind, key } : null;
    storeBase(base);
    board?.base(base);
    render();
  };
  const render = (): void =>
    fill(
      root,
      h("h3", { class: "label" }, t("base.title")),
      select(t("base.title"), kind, [["", t("base.own")], ...BASES.map((one): [string, string] => [one, t(`base.${one}`)])], (value) => {
        kind = BASES.find((one) => one === value) ?? "";
        apply();
      }),
      kind !== "" &&
        input(t("base.key"), key, (value) => {
          key = value.trim();
          apply();
        }, { autocomplete: "off", spellcheck: "false" }),
      kind !== "" && h("p", { class: "note" }, t("base.key.hint")),
    );
  render();
}
