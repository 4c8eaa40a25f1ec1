/** One sealed figure: what was asked, what was answered, and whether it still comes out the same. */
import type { Schema } from "../../api/answers";
import { type App, collectionOf } from "../../app/context";
import { language, t } from "../../i18n";
import { areaScale } from "../../ui/area";
import { button } from "../../ui/button";
import { chip, facts } from "../../ui/card";
import { type Child, fill, h } from "../../ui/dom";
import { date, integer } from "../../ui/format";
import { failed, loading } from "../../ui/states";
import { table } from "../../ui/table";
import { goTo } from ".";
import type { Difference, Seal, SealDocument, SealedResult, SealedRow, Verdict } from "./answers";
import { squareMetres } from "./seals";

export function sealPage(root: HTMLElement, app: App, id: string): void {
  const body = h("div", { class: "seal" }, loading());
  fill(root, goTo(app, ["seals"], t("figures.back.seals"), { class: "back-link always" }), body);
  const read = async (): Promise<void> => {
    try {
      const seal = await app.api.get("/seals/{seal_id}", { path: { seal_id: id } });
      const schema = await app.api.schema(seal.layer).catch(() => null);
      fill(body, ...view(seal, schema, app));
    } catch (error) {
      fill(body, failed(error, app, () => void read()));
    }
  };
  void read();
}

function view(seal: Seal & { document: SealDocument }, schema: Schema | null, app: App): Child[] {
  const lang = language();
  const { document: sealed } = seal;
  const { question, result } = sealed;
  const verdict = h("div", { class: "block verdict", "aria-live": "polite" });
  const filters = Object.entries(question.filters).map(([layer, filter]) => `${layer}: ${filter}`);
  return [
    h("h3", { class: "detail-title" }, seal.title),
    h("p", { class: "note" }, t("figures.seal.line", { id: seal.id, by: seal.by, time: date(seal.time, lang, true), revision: seal.revision })),
    h("div", { class: "row block" }, button(t("figures.verify"), () => void check(verdict, app, seal), "primary"), h("span", { class: "note" }, t("figures.verify.hint"))),
    verdict,
    h("section", { class: "block" }, h("h4", { class: "block-title" }, t("figures.seal.result")), resultTable(result, question.by, schema, app)),
    h(
      "details",
      { class: "block meaning" },
      h("summary", {}, t("figures.meaning")),
      facts([
        [t("totals.definition"), sealed.definition[lang]],
        ...(filters.length ? [[t("figures.filter"), h("code", {}, filters.join("; "))] as [string, Node]] : []),
        [t("totals.method"), sealed.method[lang]],
        [t("figures.inputs"), h("ul", {}, ...sealed.inputs.map((input) => h("li", {}, t("figures.input", { layer: titleOf(input.layer, app), count: integer(input.features, lang), revision: input.revision }), h("code", { class: "digest" }, input.sha256))))],
      ]),
    ),
  ];
}

function titleOf(layer: string, app: App): string {
  return collectionOf(app.catalog.get(), layer)?.title ?? layer;
}

function resultTable({ rows, total }: SealedResult, by: string[], schema: Schema | null, app: App): HTMLElement {
  const groupText = ({ group }: SealedRow): string =>
    group
      .map((value, at) => {
        const codes = schema?.properties[by[at] ?? ""]?.oneOf;
        return value === null ? t("totals.blank") : (codes?.find((code) => code.const === String(value))?.title ?? String(value));
      })
      .join(" · ");
  const write = areaScale(squareMetres(total), app.store.get().unit);
  return table(
    t("figures.seal.result"),
    [
      { title: by.length ? t("totals.by") : "", cell: (row) => (row === total ? t("figures.total") : groupText(row)) },
      { title: t("figures.count"), number: true, cell: ({ count }) => integer(count, language()) },
      { title: t("figures.area"), number: true, cell: (row) => write(squareMetres(row)) },
    ],
    rows,
    { total },
  );
}

async function check(root: HTMLElement, app: App, { id }: Seal): Promise<void> {
  fill(root, loading());
  try {
    const verdict = await app.api.get("/seals/{seal_id}/verify", { path: { seal_id: id } });
    fill(root, ...judged(verdict, app));
  } catch (error) {
    fill(root, failed(error, app, () => void check(root, app, { id } as Seal)));
  }
}

function judged(verdict: Verdict, app: App): Child[] {
  const { ok, sealed, recomputed, changed_inputs: inputs, changed_since: since, other_libraries: libraries } = verdict;
  const versions = Object.entries(libraries).map(([name, { sealed: then, now }]) => `${name} ${then} → ${now}`);
  return [
    h("p", { class: "verdict-line" }, chip(ok ? t("figures.verify.ok") : t("figures.verify.bad"), ok ? "good" : "bad"), h("span", {}, t(ok ? "figures.verify.ok.text" : "figures.verify.bad.text"))),
    !verdict.same_result && compared(sealed.total, recomputed.total, app),
    ...inputs.map((one) => difference(t("figures.verify.inputs", { layer: titleOf(one.layer, app) }), one, "bad")),
    ...since.map((one) => difference(t("figures.verify.since", { layer: titleOf(one.layer, app), count: one.count }), one, "")),
    ok && !since.length && h("p", { class: "note" }, t("figures.verify.nothingSince")),
    versions.length > 0 && h("p", { class: "note" }, t("figures.verify.libraries", { versions: versions.join(language() === "zh" ? "、" : ", ") })),
  ];
}

function compared(then: SealedRow, now: SealedRow, app: App): HTMLElement {
  const write = areaScale(squareMetres(then), app.store.get().unit);
  const rows: [string, SealedRow][] = [[t("figures.verify.sealed"), then], [t("figures.verify.recomputed"), now]];
  return table(
    t("figures.verify.compared"),
    [
      { title: "", cell: ([name]) => name },
      { title: t("figures.count"), number: true, cell: ([, row]) => integer(row.count, language()) },
      { title: t("figures.area"), number: true, cell: ([, row]) => write(squareMetres(row)) },
      { title: t("unit.m2"), number: true, cell: ([, row]) => squareMetres(row).toFixed(6) },
    ],
    rows,
  );
}

/** Features that are not as they were; each leads to the map. */
function difference(title: string, { layer, changed, missing, added }: Difference, tone: string): HTMLElement {
  const kinds = [["changed", changed], ["missing", missing], ["added", added]] as const;
  return h(
    "div",
    { class: `difference ${tone}`.trim() },
    h("p", {}, title),
    facts(
      kinds
        .filter(([, fids]) => fids.length > 0)
        .map(([kind, fids]): [string, Node] => [
          t(`figures.verify.${kind}`),
          h("span", { class: "fids" }, ...fids.slice(0, 20).map((fid) => (kind === "missing" ? h("span", {}, `#${fid}`) : h("a", { href: `#feature=${layer}/${fid}&tab=feature` }, `#${fid}`))), fids.length > 20 && h("span", {}, `… ${fids.length}`)),
        ]),
    ),
  );
}
