/** The targets of the programme: where each stands. */
import type { Bilingual } from "../../api/answers";
import type { App, Layout, Open } from "../../app/context";
import { language, t } from "../../i18n";
import { card, facts } from "../../ui/card";
import { fill, h } from "../../ui/dom";
import { decimal } from "../../ui/format";
import { failed, loading } from "../../ui/states";

export const layout: Layout = "full";

interface Target {
  id: string;
  title: Bilingual | string;
  value: number | null;
  current: number | null;
  unit: Bilingual | string;
}

export const open: Open = (app, { root }) => {
  const body = h("div", { class: "cards" }, loading());
  fill(root, h("div", { class: "panel" }, h("h2", { class: "panel-title" }, t("nav.figures")), body));
  void list(app, body);
  return {};
};

async function list(app: App, body: HTMLElement): Promise<void> {
  const lang = language();
  const words = (text: Bilingual | string): string => (typeof text === "string" ? text : text[lang]);
  const number = (value: number | null): string => (value === null ? "–" : decimal(value, lang));
  try {
    const { targets } = (await app.api.get("/targets")) as { targets: Target[] };
    fill(
      body,
      ...targets.map((target) =>
        card(words(target.title), [
          facts([
            [t("figures.target"), `${number(target.value)} ${words(target.unit)}`],
            [t("figures.current"), number(target.current)],
          ]),
        ]),
      ),
    );
  } catch (error) {
    fill(body, failed(error, app, () => void list(app, body)));
  }
}
