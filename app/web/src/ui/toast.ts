/** Words in passing, at the foot of the page; a failure stays longer and interrupts a reader. */
import { h } from "./dom";

const SHOWN_MS = { done: 4000, failed: 9000 };

export class Toasts {
  private readonly done = h("div", { class: "toasts", role: "status" });
  private readonly failed = h("div", { class: "toasts", role: "alert" });
  readonly element = h("div", { class: "toast-place" }, this.done, this.failed);

  show(text: string, kind: "done" | "failed" = "done"): void {
    const toast = h("p", { class: `toast ${kind}` }, text);
    this[kind].replaceChildren(toast);
    setTimeout(() => toast.remove(), SHOWN_MS[kind]);
  }
}
