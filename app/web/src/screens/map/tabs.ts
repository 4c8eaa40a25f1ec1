/** Switches between panels: beside the map on a desk, a bar with a sheet on a phone. */
import type { Tab } from "../../app/state";
import { t } from "../../i18n";
import { fill, h } from "../../ui/dom";
import type { MapScreen } from ".";

const TABS: Tab[] = ["layers", "totals", "feature"];

export function tabBar(root: HTMLElement, { store, follow }: MapScreen): void {
  const phone = window.matchMedia("(max-width: 760px)");
  const render = (): void => {
    const { tab } = store.get();
    fill(
      root,
      ...TABS.map((name) =>
        h(
          "button",
          {
            type: "button",
            class: `tab tab-${name}`,
            "aria-current": tab === name ? "true" : null,
            onclick: () => {
              // On a phone a second tap gives the map back; on a desk a panel is always open.
              const open = store.get().tab === name && phone.matches;
              store.set({ tab: open ? null : name });
            },
          },
          t(`tab.${name}`),
        ),
      ),
    );
  };
  follow(store.on(["tab"], render));
  render();
}
