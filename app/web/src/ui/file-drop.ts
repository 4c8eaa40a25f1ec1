/** A place to drop files on, or to pick them with. */
import { h } from "./dom";
import { icon } from "./icon";

export interface FileDropTexts {
  title: string;
  hint: string;
  pick: string;
}

export function fileDrop(texts: FileDropTexts, take: (files: File[]) => void, options: { multiple?: boolean; accept?: string } = {}): HTMLElement {
  const input = h("input", {
    type: "file",
    class: "visually-hidden",
    multiple: options.multiple ?? false,
    accept: options.accept ?? null,
    onchange: () => {
      give(input.files);
      input.value = ""; // the same file may be picked again
    },
  });
  const give = (files: FileList | null | undefined): void => {
    if (files?.length) take([...files]);
  };
  const over = (on: boolean) => (event: Event): void => {
    event.preventDefault();
    root.classList.toggle("over", on);
  };
  const drop = (event: Event): void => {
    over(false)(event);
    give((event as DragEvent).dataTransfer?.files);
  };
  const root = h(
    "label",
    { class: "file-drop", ondragover: over(true), ondragleave: over(false), ondrop: drop },
    icon("upload", 28),
    h("span", { class: "file-drop-title" }, texts.title),
    h("span", { class: "note" }, texts.hint),
    input,
    h("span", { class: "button", "aria-hidden": "true" }, texts.pick),
  );
  return root;
}
