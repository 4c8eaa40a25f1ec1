/** Switches between panels: beside the map on a desk, a bar with a sheet on a phone. */
import { fill, h } from "../dom";
import { t } from "../i18n";
import type { Store, Tab } from "../state";

const TABS: Tab[] = ["layers", "totals", "feature"];

export function tabBar(root: HTMLElement, store: Store): void {
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
              const open = store.get().tab === name && root.classList.contains("sheet");
              store.set({ tab: open ? null : name });
            },
          },
          t(`tab.${name}`),
        ),
      ),
    );
  };
  if (!root.dataset.bound) {
    root.dataset.bound = "true";
    const phone = window.matchMedia("(max-width: 760px)");
    const follow = (): void => void root.classList.toggle("sheet", phone.matches);
    phone.addEventListener("change", follow);
    follow();
    store.on(["tab"], render);
  }
  render();
}
