/** Modal dialogs: the browser keeps the focus inside and gives it back. */
import { button, type ButtonKind } from "./button";
import { type Child, h } from "./dom";

let count = 0;

export interface Dialog {
  element: HTMLDialogElement;
  close: () => void;
}

/** Opens a dialog; `closed` runs however it was closed. Buttons go into `content`. */
export function openDialog(title: string, content: Child[], closed: () => void = () => undefined): Dialog {
  const id = `dialog-${++count}`;
  const element = h(
    "dialog",
    { class: "dialog", "aria-labelledby": id },
    h("h2", { id, class: "panel-title" }, title),
    ...content,
  );
  element.addEventListener("close", () => {
    element.remove();
    closed();
  });
  document.body.append(element);
  element.showModal();
  return { element, close: () => element.close() };
}

/** Asks before something is done; resolves with the answer. */
export function confirm(
  title: string,
  text: Child,
  { yes, no, kind = "primary" }: { yes: string; no: string; kind?: ButtonKind },
): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = false;
    const decide = (value: boolean) => (): void => {
      answer = value;
      dialog.close();
    };
    const dialog = openDialog(
      title,
      [h("p", {}, text), h("div", { class: "row end" }, button(no, decide(false), "quiet"), button(yes, decide(true), kind))],
      () => resolve(answer),
    );
  });
}
