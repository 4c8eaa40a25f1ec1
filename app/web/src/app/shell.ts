/** The frame of the page: header, navigation, the place of the screens, one screen at a time. */
import { language, t } from "../i18n";
import { fill, h } from "../ui/dom";
import { loading, message } from "../ui/states";
import { button } from "../ui/button";
import { SCREENS_BY_NAME } from "../screens";
import type { App, Layout, Place, Screen } from "./context";
import type { ScreenName } from "./state";

export class Shell {
  readonly header = h("header", { class: "header" });
  readonly bar = h("nav", { class: "bottom-bar" });
  readonly map = h("section", { class: "map", "data-state": "busy" });
  private readonly slots = {
    root: h("section", { class: "slot slot-root", id: "panels", tabindex: 0 }),
    aside: h("section", { class: "slot slot-aside", tabindex: 0 }),
    below: h("section", { class: "slot slot-below" }),
    tools: h("div", { class: "map-tools" }),
  };
  private readonly stage = h("main", { class: "stage", "data-layout": "map" });
  private open: { name: ScreenName; lang: string; screen: Screen } | null = null;
  private asked = 0;

  /** `moved` runs when the map's room may have changed. */
  constructor(page: Element, private readonly moved: () => void) {
    const { root, aside, below, tools } = this.slots;
    this.map.append(tools);
    this.stage.append(root, this.map, aside, below);
    fill(page, this.header, this.stage, this.bar);
  }

  /** Shows the screen that the state names, or tells the open one of its new route. */
  async show(app: App): Promise<void> {
    const { screen: name, path, params } = app.store.get();
    if (this.open?.name === name && this.open.lang === language()) {
      return this.open.screen.route?.({ path, params });
    }
    const mine = ++this.asked;
    this.leave(app);
    const place = this.place();
    document.documentElement.dataset.screen = name;
    if (name !== "map") {
      place.layout("side");
      fill(place.root, loading());
    }
    try {
      const { open, layout } = await SCREENS_BY_NAME[name]();
      if (mine !== this.asked) return;
      fill(place.root);
      place.layout(layout);
      const now = app.store.get();
      this.open = { name, lang: language(), screen: open(app, place, { path: now.path, params: now.params }) };
    } catch (error) {
      if (mine !== this.asked) return;
      // The file of a screen is gone after an update of the service, or the network is.
      console.error(error);
      const again = button(t("state.reload"), () => location.reload(), "primary");
      fill(place.root, message(t("state.screen"), t("state.screen.hint"), again));
    }
  }

  private leave(app: App): void {
    this.open?.screen.close?.();
    this.open = null;
    app.board?.clear();
    for (const slot of Object.values(this.slots)) {
      fill(slot);
      slot.className = slot.className.split(" ").slice(0, 2).join(" ");
      slot.scrollTop = 0;
    }
  }

  private place(): Place {
    return {
      ...this.slots,
      layout: (kind: Layout) => {
        if (this.stage.dataset.layout === kind) return;
        this.stage.dataset.layout = kind;
        this.moved();
      },
    };
  }
}
