/** Tabs over panels, as the pattern of ARIA has them: arrows move, the panel shown is named. */
import { fill, h } from "./dom";

export interface TabPage {
  id: string;
  title: string;
  /** Fills the panel when it is first shown. */
  show: (panel: HTMLElement) => void;
}

export function tabs(label: string, pages: readonly TabPage[], start: string, changed: (id: string) => void = () => undefined): HTMLElement {
  const panel = h("div", { class: "tab-panel", role: "tabpanel", tabindex: 0 });
  const heads = pages.map(({ id, title }) =>
    h("button", { type: "button", class: "tab", role: "tab", "data-tab": id, onclick: () => choose(id) }, title),
  );
  const choose = (id: string, focus = false): void => {
    const page = pages.find((one) => one.id === id) ?? pages[0];
    if (!page) return;
    for (const head of heads) {
      const mine = head.dataset.tab === page.id;
      head.setAttribute("aria-selected", String(mine));
      head.tabIndex = mine ? 0 : -1;
      if (mine && focus) head.focus();
    }
    panel.setAttribute("aria-label", page.title);
    fill(panel);
    page.show(panel);
    changed(page.id);
  };
  const keys = (event: Event): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[(event as KeyboardEvent).key];
    if (step === undefined) return;
    const at = heads.findIndex((head) => head.tabIndex === 0);
    const next = pages[(at + step + pages.length) % pages.length];
    if (next) choose(next.id, true);
  };
  const root = h("div", { class: "tabbed" }, h("div", { class: "tab-list", role: "tablist", "aria-label": label, onkeydown: keys }, ...heads), panel);
  choose(start);
  return root;
}
