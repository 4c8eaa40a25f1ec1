/** Deleting a feature, and bringing one back: its history stays either way. */
import type { Collection } from "../../../api/answers";
import type { FeatureRef } from "../../../app/state";
import { t } from "../../../i18n";
import { button } from "../../../ui/button";
import { confirm } from "../../../ui/dialog";
import { message } from "../../../ui/states";
import type { MapScreen } from "..";
import { remove, restore, type Seen } from "./service";

/** Asks, then deletes. */
export async function removed(screen: MapScreen, layer: Collection, seen: Seen, changed: () => void): Promise<void> {
  const label = seen.feature.properties[layer.liangtian.label ?? ""];
  const name = typeof label === "string" && label ? label : `#${seen.feature.id}`;
  const sure = await confirm(t("edit.remove.title", { name }), t("edit.remove.hint"), { yes: t("edit.remove"), no: t("edit.cancel"), kind: "danger" });
  if (!sure) return;
  try {
    await remove(screen.api, seen, layer.id, "");
    screen.toast(t("edit.removed"));
    screen.refresh();
  } catch (error) {
    screen.report(error);
  }
  changed();
}

/** What is said in the place of a deleted feature. */
export function broughtBack(screen: MapScreen, layer: Collection, { layer: id, fid }: FeatureRef, changed: () => void): HTMLElement[] {
  const may = screen.session.may(layer.liangtian.commit_role) && screen.store.get().asOf === null;
  const back = async (): Promise<void> => {
    try {
      await restore(screen.api, { layer: id, fid }, null, null);
      screen.toast(t("edit.back.done"));
      screen.refresh();
    } catch (error) {
      screen.report(error);
    }
    changed();
  };
  const actions = may ? [button(t("edit.back"), () => void back(), "", { "data-action": "restore" })] : [];
  return [message(t("feature.gone"), t(may ? "feature.gone.back" : "feature.gone.hint"), ...actions)];
}
