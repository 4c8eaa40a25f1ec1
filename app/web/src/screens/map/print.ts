/** A sheet of what the map shows: picture, scale, north, legend and definition; as PNG, or printed (PDF). */
import type { Picture } from "../../map/board";
import { save } from "../../api/client";
import { tell } from "../../app/filters";
import { language, t } from "../../i18n";
import { button } from "../../ui/button";
import { openDialog } from "../../ui/dialog";
import { h } from "../../ui/dom";
import { input } from "../../ui/field";
import { date } from "../../ui/format";
import type { MapScreen } from ".";
import { drawSheet, type LegendGroup, scaleOf, type Sheet } from "./sheet";

export async function openPrint(screen: MapScreen): Promise<void> {
  const { board } = screen;
  if (!board) return;
  try {
    const [picture, legend, lines] = await Promise.all([board.picture(), legendOf(screen), wordsOf(screen)]);
    const sheet: Sheet = { title: t("app.subtitle"), picture, legend, lines, scale: scaleOf(picture) };
    ask(sheet, picture);
  } catch (error) {
    screen.report(error);
  }
}

function ask(sheet: Sheet, { canvas, width, height }: Picture): void {
  const preview = h("div", { class: "print-preview" }, canvas);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", t("print.preview", { width, height }));
  const named = (): Sheet => ({ ...sheet, title: title.querySelector("input")?.value.trim() || sheet.title });
  const title = input(t("print.name"), sheet.title, () => undefined, { maxlength: 60 });
  const png = (): void => {
    drawSheet(named()).toBlob((blob) => blob && save(blob, `${named().title}.png`), "image/png");
  };
  const paper = (): void => {
    const page = sheetOf(named());
    document.body.append(page);
    window.addEventListener("afterprint", () => page.remove(), { once: true });
    window.print();
  };
  const dialog = openDialog(t("print.title"), [
    h("p", {}, t("print.hint")),
    preview,
    title,
    h(
      "div",
      { class: "row end" },
      button(t("signIn.cancel"), () => dialog.close(), "quiet"),
      button(t("print.png"), png, "", { "data-action": "png" }),
      button(t("print.pdf"), paper, "primary", { "data-action": "print" }),
    ),
  ]);
}

/** The sheet for the printer: its words stay words, only the map is a picture. */
function sheetOf(sheet: Sheet): HTMLElement {
  const { title, picture, legend, lines, scale } = sheet;
  const map = h("figure", { class: "print-map" }, picture.canvas);
  const length = h("span", { class: "print-length" });
  length.style.setProperty("width", `${(scale.pixels / picture.width) * 100}%`);
  const bar = h("div", { class: "print-scale" }, length, h("span", {}, scale.text));
  return h(
    "section",
    { class: "print-sheet" },
    h("h1", {}, title),
    map,
    bar,
    h("div", { class: "print-north" }, "▲", h("span", {}, t("print.north"))),
    h(
      "div",
      { class: "print-legend" },
      ...legend.map(({ title: name, entries }) =>
        h(
          "div",
          {},
          h("h2", {}, name),
          ...entries.map(({ color, title: text }) => {
            const mark = h("span", { class: "print-mark" });
            mark.style.setProperty("background", color);
            return h("p", {}, mark, text);
          }),
        ),
      ),
    ),
    h("footer", {}, ...lines.map((line) => h("p", {}, line))),
  );
}

/** The layers that are shown and the classes of theirs that occur. */
async function legendOf({ layers, present, api }: MapScreen): Promise<LegendGroup[]> {
  const shown = layers.get().filter(({ visible, collection }) => visible && collection.liangtian.geometry && collection.liangtian.count > 0);
  return Promise.all(
    shown.map(async ({ collection, by, classes }): Promise<LegendGroup> => {
      const { id, title, liangtian: info } = collection;
      if (!by || !classes.length) return { title, entries: [{ color: info.style.color, title }] };
      const [schema, values] = await Promise.all([api.schema(id), present(id, by).catch(() => null)]);
      const entries = classes.filter(({ code }) => !values || values.includes(code));
      const of = schema.properties[by]?.title;
      return { title: of ? `${title} · ${of}` : title, entries: entries.slice(0, 12) };
    }),
  );
}

/** What is shown and what is not, when, and on what ground. */
async function wordsOf({ api, store, layers }: MapScreen): Promise<string[]> {
  const { filters, asOf } = store.get();
  const words = { blank: t("filter.blank"), yes: t("feature.yes"), no: t("feature.no"), and: t("list.and") };
  const told = await Promise.all(
    Object.entries(filters).map(async ([layer, conditions]) => {
      const schema = await api.schema(layer);
      const title = layers.get().find(({ collection }) => collection.id === layer)?.collection.title ?? layer;
      return `${title} · ${conditions.map((one) => tell(one, schema, words)).join(t("list.semicolon"))}`;
    }),
  );
  const revision = Math.max(0, ...layers.get().map(({ collection }) => collection.liangtian.revision));
  const when = asOf === null ? t("totals.revision", { revision }) : t("time.asOf", { time: asOf });
  return [
    ...(told.length ? [t("print.filters", { filters: told.join(t("list.semicolon")) })] : []),
    t("print.definition"),
    t("print.made", { when, time: date(new Date().toISOString(), language(), true) }),
    t("layers.note"),
  ];
}
