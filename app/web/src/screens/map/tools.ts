/** The tools over the map: area, time, comparison, download, print, address. */
import { t } from "../../i18n";
import { iconButton } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import type { IconName } from "../../ui/icon";
import type { MapScreen } from ".";
import { openDownload } from "./download";
import { creatable } from "./edit/create";
import { openPrint } from "./print";
import { comparePanel } from "./compare";
import { timePanel } from "./time";

type Panel = "time" | "compare";

export function mapTools(root: HTMLElement, screen: MapScreen): void {
  const { store, board } = screen;
  const chips = h("div", { class: "question-chips" });
  const bar = h("div", { class: "tool-bar", role: "toolbar", "aria-label": t("tools.title") });
  const panel = h("div", { class: "tool-panel", hidden: true });
  let open: Panel | null = null;
  let close: () => void = () => undefined;

  const show = (next: Panel | null): void => {
    close();
    close = () => undefined;
    open = next;
    panel.hidden = next === null;
    fill(panel);
    if (next === "time") close = timePanel(panel, screen, () => show(null));
    if (next === "compare") close = comparePanel(panel, screen, () => show(null));
    render();
  };
  const toggle = (name: Panel) => (): void => show(open === name ? null : name);
  const area = async (): Promise<void> => {
    if (store.get().area) return store.set({ area: null });
    const drawn = await board?.draw("Polygon");
    const ring = drawn?.coordinates[0]?.slice(0, -1) as [number, number][] | undefined;
    if (ring) store.set({ area: ring, tab: "totals" });
  };
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(location.href);
      screen.toast(t("share.done"));
    } catch {
      screen.toast(t("share.hint"));
    }
  };
  const firstLayer = (): string =>
    store.get().table?.layer ?? store.get().totals?.layer ?? screen.layers.get().find(({ visible, collection }) => visible && collection.liangtian.class_field)?.collection.id ?? "parcels";
  const render = (): void => {
    const { area: drawn, asOf, swipe } = store.get();
    const tool = (name: IconName, title: string, run: () => void, pressed?: boolean): HTMLElement =>
      iconButton(name, title, run, pressed === undefined ? {} : { "aria-pressed": String(pressed) });
    fill(
      bar,
      tool("polygon", t(drawn ? "area.clear" : "area.draw"), () => void area(), drawn !== null),
      tool("clock", t("time.title"), toggle("time"), open === "time" || asOf !== null),
      tool("compare", t("swipe.title"), toggle("compare"), open === "compare" || swipe !== null),
      tool("download", t("download.title"), () => openDownload(screen, firstLayer())),
      tool("print", t("print.title"), () => void openPrint(screen)),
      tool("link", t("share.title"), () => void copy()),
      creatable(screen).length > 0 && tool("plus", t("create.title"), () => {
        screen.editing.set("create");
        store.set({ tab: "feature" });
      }),
    );
  };
  fill(root, bar, panel, chips);
  screen.chips(chips);
  screen.follow(store.on(["area", "asOf", "swipe"], render));
  screen.follow(screen.catalog.on(render));
  screen.follow(screen.session.on(render));
  screen.follow(() => close());
  const { swipe } = store.get();
  show(swipe ? "compare" : null);
}
