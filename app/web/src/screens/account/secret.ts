/** A password or token that is told once. */
import { t } from "../../i18n";
import { button } from "../../ui/button";
import { openDialog } from "../../ui/dialog";
import { h } from "../../ui/dom";

export function tellOnce(title: string, secret: string): void {
  const shown = h("input", { class: "secret", type: "text", readonly: true, value: secret, "aria-label": title });
  const copy = async (): Promise<void> => {
    shown.select();
    await navigator.clipboard?.writeText(secret).catch(() => undefined);
  };
  const dialog = openDialog(title, [
    h("p", {}, t("account.once")),
    h("div", { class: "field" }, shown),
    h("div", { class: "row end" }, button(t("account.copy"), () => void copy()), button(t("account.noted"), () => dialog.close(), "primary")),
  ]);
  shown.select();
}
