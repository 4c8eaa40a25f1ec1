/** The weekly questions: cards; behind each its parameters and its answer. */
import type { App } from "../../app/context";
import { t } from "../../i18n";
import { fill, h } from "../../ui/dom";
import { icon } from "../../ui/icon";
import { failed, loading, message } from "../../ui/states";
import { goTo } from ".";
import type { Question } from "./answers";
import { questionPage } from "./question";

export function questionsPage(root: HTMLElement, app: App, [name]: string[]): void {
  fill(root, loading());
  const read = async (): Promise<void> => {
    try {
      const { questions } = await app.api.get("/questions");
      const chosen = questions.find((one) => one.name === name);
      if (chosen) return questionPage(root, app, chosen);
      if (name !== undefined) return fill(root, message(t("figures.question.none"), "", goTo(app, ["questions"], t("figures.back.questions"))));
      fill(root, h("ol", { class: "question-cards" }, ...questions.map((question, index) => h("li", {}, card(question, index, app)))));
    } catch (error) {
      fill(root, failed(error, app, () => void read()));
    }
  };
  void read();
}

function card({ name, title, text }: Question, index: number, app: App): HTMLElement {
  return goTo(
    app,
    ["questions", name],
    h(
      "span",
      { class: "question-card" },
      h("span", { class: "question-number", "aria-hidden": "true" }, index + 1),
      h("span", { class: "question-title" }, title),
      h("span", { class: "question-text" }, text),
      icon("chevron", 18),
    ),
    { class: "question-link" },
  );
}
