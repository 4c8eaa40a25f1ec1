/** One weekly question: parameters, the answer's tables with charts where they help, the workbook. */
import type { App } from "../../app/context";
import type { Path } from "../../api/client";
import { language, t } from "../../i18n";
import { button } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { date } from "../../ui/format";
import { failed, loading, message } from "../../ui/states";
import { goTo, moment } from ".";
import { answerTable } from "./answer-table";
import type { AnswerTable, Question, QuestionAnswer } from "./answers";
import { parameterForm } from "./parameters";
import { questionChart } from "./question-charts";

export function questionPage(root: HTMLElement, app: App, question: Question): void {
  const form = h("form", { class: "question-form" });
  const body = h("div", { class: "question-answer", "aria-live": "polite" });
  fill(
    root,
    goTo(app, ["questions"], t("figures.back.questions"), { class: "back-link always" }),
    h("div", { class: "question-head" }, h("h3", { class: "detail-title" }, question.title), h("p", { class: "question-text" }, question.text)),
    form,
    body,
  );
  void ask(form, body, app, question);
}

async function ask(form: HTMLFormElement, body: HTMLElement, app: App, question: Question): Promise<void> {
  const address = `/questions/${question.name}` as Path<"get"> & `/questions/${string}`;
  let asked = 0;
  const run = async (): Promise<void> => {
    const mine = ++asked;
    const query = inputs.values();
    app.store.setParams(query);
    if (!inputs.complete()) return fill(body, message(t("figures.question.give"), ""));
    if (!body.hasChildNodes()) fill(body, loading());
    body.classList.add("stale");
    try {
      const answer = (await app.api.get(address, { query: { ...query, ...moment(app) } } as never)) as QuestionAnswer;
      if (mine === asked) fill(body, ...view(answer, app));
    } catch (error) {
      if (mine === asked) fill(body, failed(error, app, () => void run()));
    } finally {
      if (mine === asked) body.classList.remove("stale");
    }
  };
  fill(body, loading());
  const inputs = await parameterForm(app.api, question, app.store.get().params, () => void run());
  const save = (): void => {
    app.api.download(address, `${question.title}.xlsx`, { query: { ...inputs.values(), ...moment(app), f: "xlsx" } } as never).catch(app.report);
  };
  const download = button(t("figures.xlsx"), save, "quiet");
  fill(form, ...inputs.fields, download);
  form.addEventListener("submit", (event) => event.preventDefault());
  await run();
}

/** What is told in one row comes before long tables. */
function shortFirst(tables: AnswerTable[]): AnswerTable[] {
  return [...tables].sort((a, b) => Number(a.rows.length !== 1) - Number(b.rows.length !== 1));
}

function view(answer: QuestionAnswer, app: App): HTMLElement[] {
  const lang = language();
  return [
    ...shortFirst(answer.tables).map((table) => {
      const chart = questionChart(answer.name, table, app.store.get().unit);
      return h(
        "section",
        { class: "block" },
        h("h4", { class: "block-title" }, table.title, table.rows.length > 1 && h("span", { class: "note" }, t("figures.rows", { count: table.rows.length }))),
        chart ? h("div", { class: "with-chart" }, chart, answerTable(answer.name, table, app)) : answerTable(answer.name, table, app),
      );
    }),
    h(
      "details",
      { class: "block meaning" },
      h("summary", {}, t("figures.meaning")),
      h("p", { class: "definition" }, answer.definition[lang]),
      h("p", { class: "note" }, t("figures.answered", { day: date(answer.day, lang), revision: answer.revision })),
    ),
  ];
}
