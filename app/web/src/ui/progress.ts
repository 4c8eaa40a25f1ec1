/** A bar that says how far something is, in words as well. */
import { h } from "./dom";

export interface Progress {
  element: HTMLElement;
  /** `fraction` 0 to 1; null while nobody knows. */
  set: (fraction: number | null, text: string) => void;
}

export function progress(label: string): Progress {
  const bar = h("progress", { max: 1, "aria-label": label });
  const text = h("p", { class: "progress-text", role: "status" });
  return {
    element: h("div", { class: "progress" }, bar, text),
    set: (fraction, words) => {
      if (fraction === null) bar.removeAttribute("value");
      else bar.value = Math.min(1, Math.max(0, fraction));
      if (text.textContent !== words) text.textContent = words;
    },
  };
}
