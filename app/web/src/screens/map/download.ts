/** Downloads of what is shown: the layer with its filters, moment and area, in every format. */
import { collectionOf } from "../../app/context";
import { narrowed } from "../../app/question";
import { t } from "../../i18n";
import { button } from "../../ui/button";
import { openDialog } from "../../ui/dialog";
import { fill, h } from "../../ui/dom";
import { select, segments } from "../../ui/field";
import { progress } from "../../ui/progress";
import { reasonOf } from "../../ui/states";
import type { MapScreen } from ".";

const FORMATS = ["geojson", "csv", "xlsx", "gpkg", "shp", "kml", "landtxt", "fgb", "parquet"] as const;
type Format = (typeof FORMATS)[number];
/** What the service sends: some formats are several files. */
const SUFFIX: Record<Format, string> = {
  geojson: "geojson", csv: "csv", xlsx: "xlsx", gpkg: "gpkg", shp: "zip", kml: "kml", landtxt: "txt", fgb: "fgb", parquet: "parquet",
};
const ENCODED: readonly Format[] = ["shp", "landtxt"];

export function openDownload(screen: MapScreen, layer: string): void {
  const { api, catalog, board } = screen;
  const collection = collectionOf(catalog.get(), layer);
  const now = catalog.get();
  if (!collection || now.state !== "ready") return;
  let chosen = layer;
  let format: Format = "xlsx";
  let encoding: "gbk" | "utf-8" = "gbk";
  let where: "all" | "view" = "all";
  const bar = progress(t("download.title"));
  bar.element.hidden = true;
  const options = h("div", { class: "stack" });
  const render = (): void => {
    const layers = now.collections.filter(({ liangtian }) => liangtian.count > 0);
    const shaped = collectionOf(now, chosen)?.liangtian.geometry !== null;
    fill(
      options,
      select(t("totals.layer"), chosen, layers.map((one) => [one.id, one.title]), (value) => {
        chosen = value;
        render();
      }),
      select(t("download.format"), format, FORMATS.filter((one) => shaped || ["csv", "xlsx", "geojson", "parquet", "gpkg"].includes(one)).map((one) => [one, t(`download.${one}`)]), (value) => {
        format = value as Format;
        render();
      }),
      ENCODED.includes(format) &&
        segments(t("download.encoding"), encoding, [["gbk", "GBK"], ["utf-8", "UTF-8"]], (value) => {
          encoding = value;
          render();
        }),
      shaped &&
        segments(t("download.where"), where, [["all", t("download.all")], ["view", t("download.view")]], (value) => {
          where = value;
          render();
        }),
    );
  };
  const run = async (): Promise<void> => {
    const title = collectionOf(now, chosen)?.title ?? chosen;
    bar.element.hidden = false;
    bar.set(null, t("download.running"));
    try {
      const question = await narrowed(screen, chosen);
      const box = where === "view" ? board?.bounds().map((edge) => edge.toFixed(6)).join(",") : undefined;
      const query = {
        ...question, bbox: box, f: format,
        ...(format === "geojson" ? { download: true } : {}),
        ...(ENCODED.includes(format) ? { encoding } : {}),
      };
      await api.download("/collections/{layer}/items", `${title}.${SUFFIX[format]}`, { path: { layer: chosen }, query });
      dialog.close();
    } catch (error) {
      bar.set(0, reasonOf(error));
    }
  };
  render();
  const dialog = openDialog(t("download.title"), [
    h("p", {}, t("download.hint")),
    options,
    bar.element,
    h("div", { class: "row end" }, button(t("signIn.cancel"), () => dialog.close(), "quiet"), button(t("download.run"), () => void run(), "primary")),
  ]);
}
