/** The faults of a file, by their kind, with their places on the map. */
import { language, t } from "../../i18n";
import { button } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { integer } from "../../ui/format";
import { icon } from "../../ui/icon";
import { loading, message } from "../../ui/states";
import type { Fault, Issue, Report, Severity } from "./answers";
import type { Look } from "./finding";
import { titleOf } from "./words";

export interface Found {
  index: number;
  fault: Fault;
  geometry: GeoJSON.Geometry | null;
}

const ORDER: Record<Severity, number> = { error: 0, warning: 1, note: 2 };
const PAGE = 20;

/** All faults, worst first, as the report's map of faults has them; else those of the report. */
export async function findFaults({ app, upload, report }: Look): Promise<Found[]> {
  const response = await app.api.raw("get", "/uploads/{upload_id}/report", {
    path: { upload_id: upload.id },
    query: { f: "geojson" },
    headers: { Accept: "application/geo+json" },
  });
  const { features } = (await response.json()) as { features: { geometry: GeoJSON.Geometry | null; properties: Fault }[] };
  const all = features.length
    ? features.map(({ geometry, properties }, index) => ({ index, geometry, fault: properties }))
    : report.issues.map((issue, index) => ({ index, geometry: null, fault: faultOf(issue) }));
  return all.sort((a, b) => ORDER[a.fault.severity] - ORDER[b.fault.severity]);
}

function faultOf(issue: Issue): Fault {
  const [message, fix] = language() === "zh" ? [issue.zh, issue.fix?.[0]] : [issue.en, issue.fix?.[1]];
  return { code: issue.code, severity: issue.severity, row: issue.row, where: issue.where, message, fix: fix ?? null };
}

/** How many there are of a severity, in all. */
export function countOf(report: Report, severity: Severity): number {
  const codes = new Set(report.issues.filter((issue) => issue.severity === severity).map(({ code }) => code));
  return Object.entries(report.issue_counts).reduce((sum, [code, count]) => sum + (codes.has(code) ? count : 0), 0);
}

/** `decide` leads to the decision that can solve a fault; returns what shows the fault of an index. */
export function faults(panel: HTMLElement, look: Look, decide: (decision: string) => void): (index: number) => void {
  let select: (index: number) => void = () => undefined;
  fill(panel, loading());
  findFaults(look).then(
    (found) => {
      look.shapes.faults([...found].reverse()); // the worst are drawn last, on top
      if (!found.length) return fill(panel, message(t("uploads.faults.none"), t("uploads.faults.none.hint")));
      select = list(panel, look, found, decide);
    },
    (error: unknown) => {
      look.app.report(error);
      fill(panel);
    },
  );
  return (index) => select(index);
}

function list(panel: HTMLElement, look: Look, found: Found[], decide: (decision: string) => void): (index: number) => void {
  const groups = new Map<string, Found[]>();
  for (const one of found) groups.set(one.fault.code, [...(groups.get(one.fault.code) ?? []), one]);
  const parts = [...groups].map(([code, members]) => group(look, code, members, decide));
  fill(panel, ...parts.map(({ element }) => element));
  return (index) => {
    const code = found.find((one) => one.index === index)?.fault.code;
    parts.find((part) => part.code === code)?.select(index);
  };
}

function group(look: Look, code: string, members: Found[], decide: (decision: string) => void): { code: string; element: HTMLElement; select: (index: number) => void } {
  const { report, open } = look;
  const first = members[0]?.fault;
  const severity = first?.severity ?? "note";
  const decision = report.issues.find((issue) => issue.code === code && issue.decision)?.decision ?? null;
  const total = report.issue_counts[code] ?? members.length;
  const rows = h("ul", { class: "fault-rows" });
  let shown = 0;
  const more = (upTo: number): void => {
    rows.querySelector(".more")?.remove();
    rows.append(...members.slice(shown, upTo).map((one) => line(look, one)));
    shown = Math.max(shown, Math.min(upTo, members.length));
    if (shown < members.length) {
      rows.append(h("li", { class: "more" }, button(t("uploads.more"), () => more(shown + PAGE), "quiet")));
    } else if (total > members.length) rows.append(h("li", { class: "note" }, t("uploads.faults.more", { count: integer(total - members.length, language()) })));
  };
  more(members.length === 1 || severity === "error" ? 6 : 3);
  const element = h(
    "section",
    { class: "fault", "data-code": code, "data-severity": severity },
    h(
      "header",
      { class: "fault-head" },
      icon(severity === "note" ? "more" : "warning", 18),
      h("h3", {}, t(`uploads.severity.${severity}`)),
      h("span", { class: "note" }, t("uploads.faults.count", { count: integer(total, language()) })),
      h("code", {}, code),
    ),
    first?.fix ? h("p", { class: "fault-fix" }, t("uploads.faults.fix", { fix: first.fix })) : null,
    open && decision !== null && button(t(`uploads.decide.${decisionName(decision)}`), () => decide(decision), "", { "data-decide": decision }),
    rows,
  );
  const select = (index: number): void => {
    more(members.findIndex((one) => one.index === index) + 1);
    const target = rows.querySelector<HTMLElement>(`[data-fault="${index}"]`);
    target?.scrollIntoView({ block: "center" });
    target?.click();
  };
  return { code, element, select };
}

const DECISIONS = ["source_layer", "encoding", "crs", "datum_shift", "mapping", "repair", "mode"] as const;

export function decisionName(decision: string): (typeof DECISIONS)[number] {
  return DECISIONS.find((name) => name === decision) ?? "mapping";
}

function line(look: Look, { fault, geometry, index }: Found): HTMLElement {
  const { schema, shapes } = look;
  const where = fault.where && fault.where in schema.properties ? titleOf(schema, fault.where) : fault.where;
  const place = [fault.row !== null && t("uploads.row", { row: fault.row }), where !== "geometry" && where].filter(Boolean).join(" · ");
  const content = [place !== "" && h("span", { class: "note" }, place), h("span", {}, fault.message)];
  if (!geometry) return h("li", { class: "fault-row" }, ...content);
  const go = (event: Event): void => {
    for (const other of document.querySelectorAll(".fault-row [aria-current]")) other.removeAttribute("aria-current");
    (event.currentTarget as HTMLElement).setAttribute("aria-current", "true");
    shapes.show(geometry);
  };
  return h("li", { class: "fault-row" }, h("button", { type: "button", "data-fault": index, title: t("uploads.onMap"), onclick: go }, ...content));
}
