/** One target: value, figure and gap, by county, over time, and what it means. */
import type { App } from "../../app/context";
import { language, t } from "../../i18n";
import { button } from "../../ui/button";
import { facts } from "../../ui/card";
import { lineChart } from "../../ui/charts/line";
import { rowChart } from "../../ui/charts/rows";
import { fill, h } from "../../ui/dom";
import { amountOf } from "../../ui/area";
import { date, integer, percent } from "../../ui/format";
import { failed, loading, message } from "../../ui/states";
import { table } from "../../ui/table";
import { goTo, moment } from ".";
import { amount, goal, type Measure, measureOf } from "./amounts";
import type { Share, Target } from "./answers";
import { canSeal, sealDialog, seen } from "./seal-dialog";
import { stagesOf, unitOf } from "./targets";

export function targetPanel(root: HTMLElement, app: App, target: Target): void {
  const measure = measureOf(target.unit, app.store.get().unit, language());
  const trend = h("section", { class: "block" });
  fill(
    root,
    goTo(app, [], t("figures.back.targets"), { class: "back-link" }),
    h("h3", { class: "detail-title" }, target.title),
    h("p", { class: "note" }, [target.scope, target.due ? t("figures.due", { date: date(target.due, language()) }) : ""].filter(Boolean).join(" · ")),
    target.current === null ? message(t("figures.noData"), target.definition[language()]) : headline(target, measure),
    target.stages && target.current !== null && stages(target, measure),
    target.counties.length > 0 && counties(target, measure),
    target.layer !== undefined && trend,
    meaning(target, app),
    target.layer !== undefined && canSeal(app)
      ? h("div", { class: "row block" }, button(t("figures.seal"), () => sealDialog(app, sealing(target, app))), h("span", { class: "note" }, t("figures.seal.hint")))
      : null,
  );
  if (target.layer !== undefined) void showTrend(trend, app, target, measure);
}

/** The total that gives this target's figure. */
function sealing(target: Target, app: App): { title: string; question: Record<string, unknown> } {
  return {
    title: target.title,
    question: { layer: target.layer, by: "county", ...(target.filter ? { filter: target.filter } : {}), ...seen(app), ...(target.sums ? { sums: target.sums } : {}) },
  };
}

function headline(target: Target, measure: Measure): HTMLElement {
  const lang = language();
  const { current, value, gap, share } = target;
  const big = (title: string, figure: string, unit: string, note = "", tone = ""): HTMLElement =>
    h(
      "div",
      { class: `headline ${tone}`.trim() },
      h("span", { class: "label" }, title),
      h("span", { class: "headline-value" }, figure, h("span", { class: "headline-unit" }, unit)),
      h("span", { class: "note" }, note),
    );
  const unit = unitOf(target, measure);
  const counted = target.count === undefined ? "" : t("figures.features", { count: integer(target.count, lang) });
  return h(
    "div",
    { class: "headlines" },
    current !== null && big(t("figures.current"), amount(current, measure, lang), unit, counted),
    value !== null && big(t("figures.target"), goal(value, measure, lang), unit, target.source),
    gap !== null && big(gap > 0 ? t("figures.gap") : t("figures.surplus"), amount(Math.abs(gap), measure, lang), unit, share === null ? "" : t("figures.reached", { share: percent(share, lang) }), gap > 0 ? "" : "good"),
  );
}

function block(title: string, ...content: (Node | false)[]): HTMLElement {
  return h("section", { class: "block" }, h("h4", { class: "block-title" }, title), ...content);
}

function stages(target: Target, measure: Measure): HTMLElement {
  const rows = stagesOf(target).map(({ title, tone, share }) => row({ ...share, title }, tone === "good" ? 1 : 2, target, measure));
  return block(t("figures.byStage"), rowChart(t("figures.byStage"), rows));
}

function counties(target: Target, measure: Measure): HTMLElement {
  const sum = target.counties.reduce((all, { current }) => all + current, 0);
  const sorted = [...target.counties].sort((a, b) => b.current - a.current);
  const rows = sorted.map((share) => ({ ...row(share, 1, target, measure), note: sum > 0 ? percent(share.current / sum, language()) : "" }));
  return block(target.stages ? t("figures.byCounty.all") : t("figures.byCounty"), rowChart(t("figures.byCounty"), rows));
}

function row(share: Share, series: number, target: Target, measure: Measure): { title: string; parts: { value: number; series: number; title: string }[]; value: string } {
  const value = `${amount(share.current, measure, language())} ${unitOf(target, measure)}`;
  return { title: share.title ?? t("totals.blank"), parts: [{ value: share.current, series, title: value }], value };
}

async function showTrend(root: HTMLElement, app: App, target: Target, measure: Measure): Promise<void> {
  const lang = language();
  fill(root, h("h4", { class: "block-title" }, t("figures.trend")), loading());
  try {
    const { trend = [] } = await app.api.get("/targets/{target_id}", { path: { target_id: target.id }, query: { months: 36, ...moment(app) } });
    if (trend.length < 2) return fill(root);
    const unit = unitOf(target, measure);
    const points = trend.map(({ time, current }) => ({
      time: Date.parse(time),
      value: current * measure.factor,
      text: `${date(time, lang)} ${amount(current, measure, lang)} ${unit}`,
    }));
    const value = target.value === null ? null : target.value * measure.factor;
    const latest = points.at(-1)?.value ?? 0;
    // A far target would press the trend flat: then the heading alone tells of it.
    const near = value !== null && value <= latest * 2.5;
    const level = near ? { value, title: `${t("figures.target")} ${goal(target.value ?? 0, measure, lang)}` } : undefined;
    fill(
      root,
      h("h4", { class: "block-title" }, t("figures.trend"), h("span", { class: "note" }, unit)),
      lineChart(t("figures.trend.label", { title: target.title }), [{ title: target.title, series: 1, kind: "step", points }], {
        include: near ? [0, value] : [0],
        ...(level ? { level } : {}),
      }),
      value !== null && !near && h("p", { class: "note" }, t("figures.trend.far", { value: `${goal(target.value ?? 0, measure, lang)} ${unit}` })),
      h(
        "details",
        {},
        h("summary", {}, t("figures.numbers")),
        table(t("figures.trend"), [
          { title: t("figures.date"), cell: (one) => date(one.time, lang) },
          { title: t("figures.revision"), number: true, cell: (one) => String(one.revision) },
          { title: unit, number: true, cell: (one) => amount(one.current, measure, lang) },
        ], [...trend].reverse()),
      ),
    );
  } catch (error) {
    fill(root, failed(error, app, () => void showTrend(root, app, target, measure)));
  }
}

function meaning(target: Target, app: App): HTMLElement {
  const lang = language();
  const removed = target.overlap_removed_m2;
  const overlap = removed ? amountOf(removed, app.store.get().unit) : null;
  return h(
    "details",
    { class: "block meaning", open: target.current === null },
    h("summary", {}, t("figures.meaning")),
    facts([
      [t("totals.definition"), target.definition[lang]],
      ...(target.filter ? [[t("figures.filter"), h("code", {}, target.filter)] as [string, Node]] : []),
      ...(overlap ? [[t("totals.overlap"), `${overlap.value} ${overlap.unit}`] as [string, string]] : []),
      ...(target.method ? [[t("totals.method"), target.method] as [string, string]] : []),
      [t("figures.source"), target.source],
    ]),
  );
}
