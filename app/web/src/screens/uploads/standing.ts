/** Where an upload stands, in a sentence, with its numbers and what is to be done next. */
import { language, t } from "../../i18n";
import { button } from "../../ui/button";
import { type Child, h } from "../../ui/dom";
import { area, decimal, integer } from "../../ui/format";
import type { JobProblem } from "./answers";
import { countOf, decisionName } from "./faults";
import type { Look } from "./finding";

export function standing(look: Look, problem: JobProblem | null, decide: (decision: string) => void): HTMLElement {
  const { upload, report } = look;
  const wanted = upload.state === "needs_input" || upload.state === "rejected" ? decisions(look) : [];
  return h(
    "div",
    { class: "standing", "data-state": upload.state, role: "status" },
    problem && refused(look, problem),
    h("p", { class: "standing-text" }, sentence(look, wanted.length > 0)),
    wanted.length > 0 && h("div", { class: "row" }, ...wanted.map((one) => button(t(`uploads.decide.${one}`), () => decide(one), "", { "data-next": one }))),
    report.counts && numbers(look),
  );
}

/** Decisions that are still wanted, or may solve an error. */
function decisions({ report }: Look): ReturnType<typeof decisionName>[] {
  const names = report.issues.flatMap(({ decision, severity }) => (decision && severity === "error" ? [decisionName(decision)] : []));
  return [...new Set(names)];
}

function sentence({ upload, report }: Look, decidable: boolean): string {
  const lang = language();
  const { diff } = report;
  const change = { new: integer(diff?.new ?? 0, lang), changed: integer(diff?.changed ?? 0, lang), unchanged: integer(diff?.unchanged ?? 0, lang) };
  switch (upload.state) {
    case "needs_input":
      if (report.counts?.rejected) return t("uploads.next.rejected.try", { count: integer(countOf(report, "error"), lang) });
      return t("uploads.next.needs_input");
    case "rejected":
      return t(decidable ? "uploads.next.rejected.try" : "uploads.next.rejected", { count: integer(countOf(report, "error"), lang) });
    case "ready":
      return report.mode === "replace" && diff?.absent
        ? t("uploads.next.ready.replace", { ...change, absent: integer(diff.absent, lang) })
        : t("uploads.next.ready", change);
    case "committed":
      return upload.revision === null ? t("uploads.next.committed.same") : t("uploads.next.committed", { ...change, revision: upload.revision });
    case "reverted":
      return t("uploads.next.reverted", { revision: upload.reverted_by ?? upload.revision ?? 0 });
    default:
      return t(`uploads.next.${upload.state}`);
  }
}

function numbers({ report, app }: Look): Child {
  const lang = language();
  const { counts, areas } = report;
  const { unit } = app.store.get();
  if (!counts) return null;
  const parts: [string, string, boolean?][] = [
    [t("uploads.count.records"), integer(counts.records, lang)],
    [t("uploads.count.valid"), integer(counts.valid, lang)],
  ];
  // What is not there need not be read.
  if (counts.repaired) parts.push([t("uploads.count.repaired"), integer(counts.repaired, lang)]);
  if (counts.rejected) parts.push([t("uploads.count.rejected"), integer(counts.rejected, lang), true]);
  if (areas) parts.push([t("uploads.count.area", { unit: t(`unit.${unit}`) }), area(areas.computed_m2, unit, lang)]);
  const stated = areas?.stated_m2 != null && areas.difference_m2 !== null && areas.compared_m2
    ? t("uploads.stated", {
        stated: area(areas.stated_m2, unit, lang),
        unit: t(`unit.${unit}`),
        share: decimal((100 * areas.difference_m2) / areas.compared_m2, lang, 2),
      })
    : null;
  return h(
    "div",
    {},
    h("dl", { class: "numbers" }, ...parts.map(([title, value, bad]) => h("div", { class: bad ? "bad" : null }, h("dt", {}, title), h("dd", {}, value)))),
    stated !== null && h("p", { class: "note", title: areas?.method[lang] ?? "" }, stated),
  );
}

/** Why the last commit or undoing did not happen. */
function refused({ app, upload }: Look, problem: JobProblem): HTMLElement {
  const english = language() === "en" ? problem.en : undefined;
  const features = (problem.features ?? []).slice(0, 10);
  const go = (fid: number): void => app.store.set({ screen: "map", path: [], params: {}, selected: { layer: upload.layer, fid }, tab: "feature" });
  return h(
    "div",
    { class: "refused", role: "alert" },
    h("p", {}, english?.detail ?? problem.detail ?? ""),
    h("p", { class: "note" }, english?.fix ?? problem.fix ?? ""),
    features.length > 0 && h("div", { class: "row" }, ...features.map(({ fid }) => button(String(fid), () => go(fid), "chip"))),
  );
}
