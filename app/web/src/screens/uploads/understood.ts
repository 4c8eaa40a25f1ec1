/** What was understood of a file, and the decisions about it. */
import { language, t } from "../../i18n";
import { type Child, fill, h } from "../../ui/dom";
import { checkbox, field, input, segments, select } from "../../ui/field";
import { percent } from "../../ui/format";
import type { Candidate, CountyShare, Mode } from "./answers";
import { type Look, finding } from "./finding";
import { mapping } from "./mapping";
import { tidy } from "./words";

const MODES: readonly Mode[] = ["upsert", "append", "replace"];
const IDENTITIES = ["similarity", "geometry", "key"] as const;
/** Systems that field files come in most often; others by their code. */
const SYSTEMS = ["EPSG:4490", "EPSG:4529", "EPSG:4550", "EPSG:4528", "EPSG:4549", "EPSG:2365", "EPSG:2417", "EPSG:4326", "GCJ-02", "BD-09"];

export function understood(panel: HTMLElement, look: Look): void {
  const { report } = look;
  if (!report.format) return fill(panel, h("p", { class: "note" }, t("uploads.unread")));
  const findings: [decisions: string[], element: Child][] = [
    [["source_layer"], format(look)],
    [["encoding"], encoding(look)],
    [["crs", "datum_shift"], place(look)],
    [["mapping"], mapping(look)],
    [["repair", "mode"], rules(look)],
  ];
  // What has to be decided comes first.
  const wanted = ([decisions]: (typeof findings)[number]): number => (decisions.some((one) => asked(look, one)) ? 0 : 1);
  fill(panel, ...findings.sort((a, b) => wanted(a) - wanted(b)).map(([, element]) => element));
}

function asked(look: Look, decision: string): boolean {
  return look.open && look.report.issues.some((issue) => issue.decision === decision && issue.severity === "error");
}

function format(look: Look): HTMLElement {
  const { report, draft, open } = look;
  const { id = "", layer = null, layers = [] } = report.format ?? {};
  const options: [string, string][] = [["", t("uploads.choose")], ...layers.map((name): [string, string] => [name, name]), ["*", t("uploads.format.all")]];
  const choose = (value: string): void => draft.decide({ source_layer: value || null });
  return finding({
    name: "source_layer",
    title: t("uploads.format"),
    value: [id, layer].filter(Boolean).join(" · "),
    must: asked(look, "source_layer"),
    change: open && layers.length > 1 ? [select(t("uploads.format.layer"), draft.now("source_layer") ?? "", options, choose)] : [],
  });
}

function encoding(look: Look): Child {
  const { report: { encoding: found }, draft, open } = look;
  if (!found) return null;
  const chosen = draft.now("encoding") ?? found.value;
  const options = [...new Set([found.value, ...found.choices])].map((one): [string, string] => [one, one.toUpperCase()]);
  return finding({
    name: "encoding",
    title: t("uploads.encoding"),
    value: found.value.toUpperCase(),
    how: [t(`uploads.encoding.by.${known(found.decided_by, ENCODED, "decision")}`), found.contradicted ? "warn" : ""],
    body: [
      h("p", { class: "samples", lang: "zh-CN" }, found.samples.slice(0, 4).map(tidy).join("　")),
      found.contradicted !== null && h("p", { class: "note" }, t("uploads.encoding.contradicted", { value: found.contradicted })),
    ],
    must: asked(look, "encoding"),
    change: open
      ? [
          h("p", { class: "note" }, t("uploads.encoding.hint")),
          select(t("uploads.encoding"), chosen, options, (value) => draft.decide({ encoding: value === found.value ? null : value })),
        ]
      : [],
  });
}

const ENCODED = ["decision", "cpg", "ldid", "utf-8", "gb18030", "ascii"] as const;
const PLACED = ["decision", "prj", "format"] as const;

function known<T extends string>(value: string | null, names: readonly T[], other: T): T {
  return names.find((name) => name === value) ?? other;
}

function place(look: Look): Child {
  const { report: { crs }, draft, open, upload } = look;
  if (!crs) return null;
  const shown = crs.value ? [crs.value, crs.name].filter(Boolean).join(" · ") : t("uploads.crs.open");
  const other = input(t("uploads.crs.other"), "", (value) => draft.decide({ crs: value.trim() || null }), {
    list: `systems-${upload.id}`,
    placeholder: SYSTEMS[0],
    autocomplete: "off",
  });
  const swap = checkbox(t("uploads.crs.swap"), draft.now("swap_xy") ?? false, (swap_xy) => draft.decide({ swap_xy }));
  const list = h("datalist", { id: `systems-${upload.id}` }, ...SYSTEMS.map((value) => h("option", { value })));
  return finding({
    name: "crs",
    title: t("uploads.crs"),
    value: shown,
    how: crs.value ? [t(`uploads.crs.by.${known(crs.decided_by, PLACED, "format")}`), ""] : [t("uploads.decide"), "warn"],
    body: [crs.counties.length > 0 && counties(crs.counties), open && crs.candidates.length > 0 && candidates(look, crs.candidates)],
    must: asked(look, "crs") && !crs.candidates.length,
    change: open ? [other, list, swap] : [],
  });
}

function counties(shares: readonly CountyShare[]): HTMLElement {
  const text = shares.map(({ title, share }) => `${title} ${percent(share, language())}`).join("　");
  return h("p", { class: "note" }, text);
}

/** Ranked: each is an outline on the map, too. */
function candidates(look: Look, list: readonly Candidate[]): HTMLElement {
  const { draft, shapes, app } = look;
  const root = h("fieldset", { class: "candidates" });
  const rank = (): number => list.findIndex(({ crs, swapped }) => crs === draft.now("crs") && swapped === (draft.now("swap_xy") ?? false));
  const choose = (index: number): void => {
    const candidate = list[index];
    if (!candidate) return;
    draft.decide({ crs: candidate.crs, swap_xy: candidate.swapped });
    shapes.places(list, index);
    shapes.fitTo(candidate);
    for (const [at, radio] of [...root.querySelectorAll("input")].entries()) radio.checked = at === index;
  };
  fill(
    root,
    h("legend", { class: "note" }, t("uploads.crs.candidates")),
    ...list.map((candidate, index) =>
      h(
        "label",
        { class: "candidate", onmouseenter: () => shapes.places(list, index), onmouseleave: () => shapes.places(list, rank()) },
        h("input", { type: "radio", name: "candidate", value: candidate.crs, checked: index === rank(), onchange: () => choose(index) }),
        h("span", { class: "candidate-rank", "aria-hidden": "true" }, index + 1),
        h(
          "span",
          { class: "candidate-name" },
          h("strong", {}, candidate.crs),
          " ",
          candidate.swapped && t("uploads.crs.swapped"),
        ),
        h("span", { class: "candidate-weight" }, percent(candidate.confidence, language())),
        h("span", { class: "note" }, language() === "zh" ? candidate.zh : candidate.en),
        candidate.counties.length > 0 ? counties(candidate.counties) : h("p", { class: "note" }, t("uploads.crs.nowhere")),
      ),
    ),
  );
  shapes.onClick(({ candidate }) => {
    if (candidate !== null) choose(candidate);
  });
  shapes.places(list, rank());
  const best = list[0];
  if (best && app.board) shapes.fitTo(best);
  return root;
}

/** How rows become features: mode, repair, recognition. */
function rules(look: Look): HTMLElement {
  const { report, draft, open } = look;
  const modeNow = (): Mode => draft.now("mode") ?? report.mode ?? "upsert";
  const modes = h("div", { class: "stack" });
  const showModes = (): void =>
    fill(
      modes,
      segments(t("uploads.mode"), modeNow(), MODES.map((mode): [Mode, string] => [mode, t(`uploads.mode.${mode}`)]), (mode) => {
        draft.decide({ mode });
        showModes();
      }),
      h("p", { class: modeNow() === "replace" ? "note warn" : "note" }, t(`uploads.mode.${modeNow()}.hint`)),
    );
  showModes();
  const repair = checkbox(t("uploads.repair"), draft.now("repair") === "structure", (on) => draft.decide({ repair: on ? "structure" : "none" }), {
    "data-field": "repair",
  });
  const identity = select(
    t("uploads.identity"),
    draft.now("identity") ?? "similarity",
    IDENTITIES.map((one): [string, string] => [one, t(`uploads.identity.${one}`)]),
    (value) => draft.decide({ identity: value as (typeof IDENTITIES)[number] }),
  );
  return finding({
    name: "rules",
    title: t("uploads.rules"),
    value: t(`uploads.mode.${report.mode ?? "upsert"}`),
    must: asked(look, "repair") || asked(look, "mode"),
    change: open ? [field(t("uploads.mode"), modes), repair, h("p", { class: "note" }, t("uploads.repair.hint")), identity] : [],
  });
}
