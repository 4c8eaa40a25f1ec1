/** Light or dark, by the reader's choice or the system's. */
import type { Store, Theme } from "./state";

const dark = window.matchMedia("(prefers-color-scheme: dark)");

export function isDark(theme: Theme): boolean {
  return theme === "dark" || (theme === "auto" && dark.matches);
}

export function followTheme(store: Store, apply: (dark: boolean) => void): void {
  const run = (): void => {
    const now = isDark(store.get().theme);
    document.documentElement.dataset.theme = now ? "dark" : "light";
    apply(now);
  };
  store.on(["theme"], run);
  dark.addEventListener("change", run);
  run();
}
