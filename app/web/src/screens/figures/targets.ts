/** The targets of the programme: all in one list, the chosen one beside it. */
import type { App } from "../../app/context";
import { language, t } from "../../i18n";
import { chip, type Tone } from "../../ui/card";
import { bar } from "../../ui/charts/rows";
import { fill, h } from "../../ui/dom";
import { percent } from "../../ui/format";
import { failed, loading } from "../../ui/states";
import { goTo, moment } from ".";
import { amount, goal, type Measure, measureOf } from "./amounts";
import type { Share, Target } from "./answers";
import { targetPanel } from "./target";

export function targetsPage(root: HTMLElement, app: App, [id]: string[]): void {
  const list = h("div", { class: "split-list" }, loading());
  const detail = h("div", { class: "split-detail" });
  fill(root, h("div", { class: "split" }, list, detail));
  const read = async (): Promise<void> => {
    try {
      const { targets } = await app.api.get("/targets", { query: moment(app) });
      const chosen = targets.find((one) => one.id === id) ?? targets[0];
      fill(list, ...groups(targets).map(([title, some]) => group(title, some, chosen, app)));
      if (chosen) targetPanel(detail, app, chosen);
    } catch (error) {
      fill(list, failed(error, app, () => void read()));
    }
  };
  void read();
}

/** Targets with a value, works by their stage, and what the system holds no data of. */
function groups(targets: Target[]): [string, Target[]][] {
  const kindOf = (target: Target): "value" | "works" | "none" =>
    target.current === null ? "none" : target.value === null ? "works" : "value";
  return (["value", "works", "none"] as const)
    .map((kind): [string, Target[]] => [t(`figures.group.${kind}`), targets.filter((one) => kindOf(one) === kind)])
    .filter(([, some]) => some.length > 0);
}

function group(title: string, targets: Target[], chosen: Target | undefined, app: App): HTMLElement {
  return h(
    "section",
    { class: "target-group" },
    h("h3", { class: "label" }, title),
    h("ul", { class: "target-list" }, ...targets.map((target) => h("li", {}, entry(target, target === chosen, app)))),
  );
}

function entry(target: Target, current: boolean, app: App): HTMLElement {
  const lang = language();
  const measure = measureOf(target.unit, app.store.get().unit, lang);
  const content = h(
    "span",
    { class: "target-row" },
    h("span", { class: "target-name" }, target.title),
    h("span", { class: "target-figure" }, ...figures(target, measure)),
    target.value !== null &&
      target.current !== null &&
      h(
        "span",
        { class: "target-bar" },
        bar([{ value: target.current, series: 1, title: "" }], 0, Math.max(target.value, target.current), target.value),
        target.share !== null && h("span", { class: "target-share" }, percent(target.share, lang)),
      ),
  );
  return goTo(app, ["targets", target.id], content, { class: "target-link", "aria-current": current ? "true" : null });
}

function figures(target: Target, measure: Measure): (Node | string)[] {
  const { current, value } = target;
  if (target.stages) return stagesOf(target).map(({ title, tone }) => chip(title, tone));
  const lang = language();
  return [
    h("strong", {}, current === null ? "–" : amount(current, measure, lang)),
    h("span", { class: "target-of" }, value === null ? "" : `/ ${goal(value, measure, lang)} ${unitOf(target, measure)}`),
  ];
}

/** What state the works are in: the stages that are there, those that count as reached in green. */
export function stagesOf(target: Target): { title: string; tone: Tone; share: Share }[] {
  return (target.stages ?? []).map((share) => ({ title: share.title, tone: target.done?.includes(share.code ?? "") ? "good" : "warn", share }));
}

export function unitOf(target: Target, measure: Measure): string {
  return measure.unit === null ? target.unit_title : t(measure.unit);
}
