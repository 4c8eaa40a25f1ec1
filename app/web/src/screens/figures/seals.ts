/** Sealed figures: the list, and one of them with its check. */
import { type App, collectionOf } from "../../app/context";
import { language, t } from "../../i18n";
import { areaText } from "../../ui/area";
import { fill, h } from "../../ui/dom";
import { date } from "../../ui/format";
import { failed, loading, message } from "../../ui/states";
import { table } from "../../ui/table";
import type { Seal, SealedRow } from "./answers";
import { sealPage } from "./seal";

/** Sealed measures are whole millionths of a square metre. */
export function squareMetres({ units }: Pick<SealedRow, "units">): number {
  return units / 1e6;
}

export function sealsPage(root: HTMLElement, app: App, [id]: string[]): void {
  if (id !== undefined) return sealPage(root, app, id);
  fill(root, loading());
  const read = async (): Promise<void> => {
    try {
      const { seals } = await app.api.get("/seals");
      fill(root, ...(seals.length ? list(seals, app) : [message(t("figures.seals.none"), t("figures.seals.none.hint"))]));
    } catch (error) {
      fill(root, failed(error, app, () => void read()));
    }
  };
  void read();
}

function list(seals: Seal[], app: App): HTMLElement[] {
  const lang = language();
  return [
    h("p", { class: "state-hint wide" }, t("figures.seals.hint")),
    table(
      t("figures.nav.seals"),
      [
        { title: t("figures.seal.called"), cell: ({ title }) => title },
        { title: t("figures.layer"), cell: ({ layer }) => collectionOf(app.catalog.get(), layer)?.title ?? layer },
        { title: t("figures.total"), number: true, cell: ({ total }) => areaText(squareMetres(total), app.store.get().unit) },
        { title: t("figures.revision"), number: true, cell: ({ revision }) => String(revision) },
        { title: t("figures.seal.time"), cell: ({ time }) => date(time, lang, true) },
        { title: t("figures.seal.by"), cell: ({ by }) => by },
      ],
      seals,
      { onRow: ({ id }) => app.go("figures", ["seals", String(id)]) },
    ),
  ];
}
