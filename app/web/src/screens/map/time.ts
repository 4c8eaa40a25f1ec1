/** A slider over the revisions of the data: the map, the table and the totals go back with it. */
import type { Revision } from "../../api/answers";
import { collectionOf } from "../../app/context";
import { language, t } from "../../i18n";
import { button, iconButton } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { date, integer } from "../../ui/format";
import { failed, loading } from "../../ui/states";
import type { MapScreen } from ".";

const SLIDING_MS = 150;

/** Fills `root`; returns what ends it. */
export function timePanel(root: HTMLElement, screen: MapScreen, close: () => void): () => void {
  const { api } = screen;
  let stop: () => void = () => undefined;
  const start = async (): Promise<void> => {
    fill(root, loading());
    try {
      const { revisions } = await api.get("/revisions");
      stop = slider(root, revisions, screen, close);
    } catch (error) {
      fill(root, failed(error, screen, () => void start()));
    }
  };
  void start();
  return () => stop();
}

function slider(root: HTMLElement, revisions: Revision[], { store, catalog }: MapScreen, close: () => void): () => void {
  const last = revisions.length - 1;
  let timer = 0;
  const at = (): number => {
    const { asOf } = store.get();
    if (asOf === null) return last;
    const numbered = /^\d{1,9}$/.test(asOf);
    const moment = Date.parse(/^\d{4}-\d\d-\d\d$/.test(asOf) ? `${asOf}T23:59:59+08:00` : asOf);
    return Math.max(0, revisions.findLastIndex((one) => (numbered ? one.revision <= Number(asOf) : Date.parse(one.time) <= moment)));
  };
  const go = (index: number): void => {
    const one = revisions[index];
    if (one) store.set({ asOf: index >= last ? null : String(one.revision) });
  };
  const range = h("input", {
    type: "range", min: 0, max: Math.max(last, 0), step: 1, "aria-label": t("time.title"), class: "time-range",
    oninput: () => {
      tell(Number(range.value));
      clearTimeout(timer);
      timer = window.setTimeout(() => go(Number(range.value)), SLIDING_MS);
    },
  });
  const when = h("strong", {});
  const what = h("span", { class: "note" });
  const tell = (index: number): void => {
    const one = revisions[index];
    if (!one) return;
    const lang = language();
    when.textContent = index >= last ? t("time.now") : date(one.time, lang, true);
    range.setAttribute("aria-valuetext", when.textContent);
    const changes = Object.entries(one.counts).map(([layer, counts]) => {
      const count = Object.values(counts).reduce((sum, n) => sum + n, 0);
      return `${collectionOf(catalog.get(), layer)?.title ?? layer} ${integer(count, lang)}`;
    });
    what.textContent = `${t("totals.revision", { revision: one.revision })} · ${t("time.changes", { changes: changes.join(t("list.and")) })}`;
  };
  const update = (): void => {
    range.value = String(at());
    tell(at());
  };
  fill(
    root,
    h("div", { class: "tool-head" }, when, h("span", { class: "spacer" }), button(t("time.toNow"), () => store.set({ asOf: null }), "quiet"), iconButton("close", t("panel.close"), close)),
    h("div", { class: "time-line" }, iconButton("back", t("time.earlier"), () => go(Math.max(0, at() - 1))), range, iconButton("chevron", t("time.later"), () => go(Math.min(last, at() + 1)))),
    h("div", { class: "time-ends note" }, h("span", {}, date(revisions[0]?.time ?? "", language())), h("span", {}, t("time.now"))),
    what,
  );
  update();
  const stop = store.on(["asOf"], update);
  return () => {
    clearTimeout(timer);
    stop();
  };
}
