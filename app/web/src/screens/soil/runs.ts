/** Runs: those that were made, a new one, and the result of one. */
import { language, t } from "../../i18n";
import { chip, type Tone } from "../../ui/card";
import { fill, h } from "../../ui/dom";
import { date } from "../../ui/format";
import { failed, loading, message } from "../../ui/states";
import { type Desk, goTo } from ".";
import { runPage } from "./run";
import { runForm } from "./run-form";
import type { Grading, Index, Run, Scene } from "./service";

const TONES: Record<Run["state"], Tone> = { queued: "", running: "accent", done: "good", failed: "bad", cancelled: "" };

export function runsPage(desk: Desk, [id]: string[]): void {
  if (id === "new") return runForm(desk);
  if (id !== undefined && /^\d+$/.test(id)) return runPage(desk, Number(id));
  const { app, soil, root } = desk;
  const list = h("div", {}, loading());
  fill(root, h("div", { class: "soil-actions" }, app.session.may("agronomist") && goTo(app, ["runs", "new"], t("soil.run.new"), { class: "button primary" })), list);
  const read = async (): Promise<void> => {
    try {
      const [runs, scenes, indices, gradings] = await Promise.all([soil.runs(), soil.scenes(), soil.indices(), soil.gradings()]);
      if (!runs.length) return fill(list, message(t("soil.run.none"), t("soil.run.none.hint")));
      fill(list, h("ul", { class: "scene-list" }, ...runs.map((run) => h("li", {}, entry(run, { scenes, indices, gradings }, desk)))));
    } catch (error) {
      fill(list, failed(error, app, () => void read()));
    }
  };
  void read();
}

export interface Known {
  scenes: readonly Scene[];
  indices: readonly Index[];
  gradings: readonly Grading[];
}

function entry(run: Run, known: Known, { app }: Desk): HTMLElement {
  const told = tell(run, known);
  const content = h(
    "span",
    { class: "scene-row" },
    h("span", { class: "scene-date" }, told.dates),
    h("span", { class: "scene-chips" }, chip(t(`soil.state.${run.state}`), TONES[run.state])),
    h("span", { class: "scene-name" }, told.what),
    h("span", { class: "note" }, [`#${run.id}`, run.person ?? "", run.created_at ? date(run.created_at, language(), true) : ""].filter(Boolean).join(" · ")),
  );
  return goTo(app, ["runs", String(run.id)], content, { class: "scene-link" });
}

/** A run in words: the dates of its scenes, what was computed. */
export function tell({ question }: Run, { scenes, indices, gradings }: Known): { dates: string; what: string } {
  const lang = language();
  const dateOf = (id: string): string => {
    const scene = scenes.find((one) => one.id === id);
    return scene ? date(scene.properties.datetime, lang) : id;
  };
  const { index, model } = question.spec;
  const measure = index === undefined ? t("soil.model", { id: model ?? "" }) : (indices.find(({ id }) => id === index)?.title[lang] ?? index);
  const { grading } = question;
  const scheme = typeof grading === "string" ? (gradings.find(({ id }) => id === grading)?.title[lang] ?? grading) : t("soil.run.ownCuts");
  return { dates: question.scenes.map(dateOf).join(" → "), what: `${measure} · ${scheme}` };
}
