/** Calibrations: those that were made, and a new one. */
import { onceKey } from "../../api/once";
import { language, t } from "../../i18n";
import { chip } from "../../ui/card";
import { fill, h } from "../../ui/dom";
import { checkbox, field, type Option, select } from "../../ui/field";
import { date, decimal } from "../../ui/format";
import { failed, loading, message, reasonOf } from "../../ui/states";
import { backTo, type Desk, goTo } from ".";
import { calibrationPage } from "./calibration";
import type { Calibration, Index } from "./service";

const TARGETS = ["ph", "ec_1_5", "ece", "salt_g_kg", "esp_percent", "sar"] as const;
const MODELS = ["linear", "plsr", "random_forest"] as const;

export function calibrationsPage(desk: Desk, [id]: string[]): void {
  if (id === "new") return calibrationForm(desk);
  if (id !== undefined && /^\d+$/.test(id)) return calibrationPage(desk, Number(id));
  const { app, soil, root } = desk;
  const list = h("div", {}, loading());
  fill(root, h("div", { class: "soil-actions" }, app.session.may("agronomist") && goTo(app, ["calibrations", "new"], t("soil.calibration.new"), { class: "button primary" })), list);
  const read = async (): Promise<void> => {
    try {
      const found = await soil.calibrations();
      if (!found.length) return fill(list, message(t("soil.calibration.none"), t("soil.calibration.none.hint")));
      fill(list, h("ul", { class: "scene-list" }, ...found.map((one) => h("li", {}, entry(one, desk)))));
    } catch (error) {
      fill(list, failed(error, app, () => void read()));
    }
  };
  void read();
}

export function targetTitle(target: string): string {
  const known = TARGETS.find((one) => one === target);
  return known ? t(`soil.target.${known}`) : target;
}

export function modelTitle(model: string): string {
  const known = MODELS.find((one) => one === model);
  return known ? t(`soil.model.${known}`) : model;
}

function entry(one: Calibration, { app }: Desk): HTMLElement {
  const lang = language();
  const r2 = one.overall?.r2;
  const state = one.state === "done" && typeof r2 === "number" ? chip(`R² ${decimal(r2, lang, 2)}`, r2 >= 0.5 ? "good" : "warn") : chip(t(`soil.state.${one.state}`));
  const content = h(
    "span",
    { class: "scene-row" },
    h("span", { class: "scene-date" }, targetTitle(one.target)),
    h("span", { class: "scene-chips" }, state),
    h("span", { class: "scene-name" }, `${one.features.join(", ")} · ${modelTitle(one.model)}`),
    h("span", { class: "note" }, [`#${one.id}`, one.person, date(one.created_at, lang, true)].join(" · ")),
  );
  return goTo(app, ["calibrations", String(one.id)], content, { class: "scene-link" });
}

function calibrationForm(desk: Desk): void {
  const { app, soil, root } = desk;
  fill(root, loading());
  const read = async (): Promise<void> => {
    try {
      fill(root, backTo(app, ["calibrations"], t("soil.back.calibrations")), h("h3", { class: "detail-title" }, t("soil.calibration.new")), h("p", { class: "state-hint" }, t("soil.calibration.hint")), form(desk, await soil.indices()));
    } catch (error) {
      fill(root, failed(error, app, () => void read()));
    }
  };
  void read();
}

function form(desk: Desk, indices: Index[]): HTMLElement {
  const { app, go } = desk;
  const lang = language();
  const asked = { target: "ph", model: "linear", features: new Set(["si_gr"]), days: 240, cv: "blocks", size: 3, log: false };
  const fault = h("p", { class: "error", role: "alert" });
  const submit = h("button", { type: "submit", class: "button primary" }, t("soil.calibration.start"));
  const key = onceKey();
  const number = (value: number, run: (value: number) => void, attributes = {}): HTMLElement =>
    h("input", { type: "number", value, required: true, onchange: (event) => run(Number((event.target as HTMLInputElement).value)), ...attributes });
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    submit.disabled = true;
    fill(fault);
    const json = {
      target: asked.target, model: asked.model, features: [...asked.features], days: asked.days, log: asked.log,
      cv: asked.cv === "blocks" ? { method: "blocks", size_km: asked.size } : { method: "field" },
    };
    try {
      const { id } = await app.api.post<"/soil/calibrations", { id: number }>("/soil/calibrations", { json, headers: { "Idempotency-Key": key } });
      go(["calibrations", String(id)]);
    } catch (error) {
      submit.disabled = false;
      fill(fault, reasonOf(error));
    }
  };
  return h(
    "form",
    { class: "soil-form", onsubmit: (event) => void send(event) },
    h(
      "fieldset",
      { class: "form-part" },
      h("legend", {}, t("soil.calibration.what")),
      select(t("soil.calibration.target"), asked.target, TARGETS.map((one): Option => [one, t(`soil.target.${one}`)]), (target) => void (asked.target = target)),
      select(t("soil.calibration.model"), asked.model, MODELS.map((one): Option => [one, t(`soil.model.${one}`)]), (model) => void (asked.model = model)),
      checkbox(t("soil.calibration.log"), asked.log, (log) => void (asked.log = log)),
    ),
    h(
      "fieldset",
      { class: "form-part" },
      h("legend", {}, t("soil.calibration.features")),
      h("div", { class: "mask-list tall", tabindex: 0, role: "group", "aria-label": t("soil.calibration.features") }, ...indices.map(({ id, title }) => checkbox(`${title[lang]} (${id})`, asked.features.has(id), (on) => void (on ? asked.features.add(id) : asked.features.delete(id))))),
    ),
    h(
      "fieldset",
      { class: "form-part" },
      h("legend", {}, t("soil.calibration.check")),
      select(t("soil.calibration.cv"), asked.cv, [["blocks", t("soil.cv.blocks")], ["field", t("soil.cv.field")]], (cv) => void (asked.cv = cv)),
      field(t("soil.calibration.size"), number(asked.size, (size) => void (asked.size = size), { min: 0.5, max: 200, step: "any" })),
      field(t("soil.calibration.days"), number(asked.days, (days) => void (asked.days = days), { min: 0, max: 400 }), t("soil.calibration.days.hint")),
    ),
    fault,
    h("div", { class: "row end" }, submit),
  );
}
