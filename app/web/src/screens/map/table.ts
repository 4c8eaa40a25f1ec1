/** The table under the map: all features of a layer that the filters let through, sorted by the service. */
import type { Collection, Feature, Property } from "../../api/answers";
import { collectionOf } from "../../app/context";
import { narrowed } from "../../app/question";
import { language, t } from "../../i18n";
import { iconButton } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { fixed, integer } from "../../ui/format";
import { failed, loading, message } from "../../ui/states";
import { PAGE, type VirtualColumn, VirtualTable } from "../../ui/virtual-table";
import type { MapScreen } from ".";
import { openDownload } from "./download";
import { valueText } from "./values";

const HIDDEN = new Set(["fid", "version", "revision", "log_seq", "area_m2", "area_ha", "area_mu", "geometry"]);

export function tableDrawer(root: HTMLElement, screen: MapScreen): void {
  const { store, catalog } = screen;
  let asked = 0;
  const update = async (): Promise<void> => {
    const mine = ++asked;
    const { table } = store.get();
    const collection = table && collectionOf(catalog.get(), table.layer);
    if (!table || !collection) return fill(root);
    const body = h("div", { class: "table-body" }, loading());
    const count = h("span", { class: "note", role: "status" });
    const drawer = h(
      "section",
      { class: "table-drawer", "aria-label": collection.title },
      h(
        "header",
        { class: "table-head" },
        h("h2", { class: "panel-title" }, collection.title),
        count,
        h("span", { class: "spacer" }),
        iconButton("download", t("download.title"), () => openDownload(screen, table.layer)),
        iconButton("close", t("table.close"), () => store.set({ table: null })),
      ),
      body,
    );
    fill(root, drawer);
    try {
      const grid = await gridOf(collection, table.sort, screen, (total) => {
        count.textContent = t("table.count", { count: integer(total, language()) });
      });
      if (mine !== asked) return;
      fill(body, grid ? grid.element : message(t("table.none"), t("table.none.hint")));
      stop();
      stop = store.on(["selected"], () => grid?.plan());
    } catch (error) {
      if (mine === asked) fill(body, failed(error, screen, () => void update()));
    }
  };
  let stop: () => void = () => undefined;
  screen.follow(store.on(["table", "filters", "asOf", "area"], () => void update()));
  screen.follow(catalog.on(() => void update()));
  screen.follow(() => stop());
  void update();
}

async function gridOf(
  collection: Collection,
  sort: string,
  screen: MapScreen,
  told: (total: number) => void,
): Promise<VirtualTable<Feature> | null> {
  const { api, store, board } = screen;
  const layer = collection.id;
  const path = { layer };
  const [schema, question] = await Promise.all([api.schema(layer), narrowed(screen, layer)]);
  const hits = await api.get("/collections/{layer}/items", { path, query: { ...question, resulttype: "hits" } });
  const total = hits.numberMatched ?? 0;
  told(total);
  if (!total) return null;
  const fields = Object.entries(schema.properties).filter(([name]) => !HIDDEN.has(name));
  const area: [string, Property] = ["area_mu", { title: t("table.area"), type: "number" }];
  if (collection.liangtian.geometry === "MultiPolygon") fields.splice(2, 0, area);
  const properties = fields.map(([name]) => name).join(",");
  return new VirtualTable<Feature>({
    label: collection.title,
    columns: fields.map(([name, property]) => column(name, property)),
    total,
    sort,
    onSort: (next) => store.set({ table: { layer, sort: next } }),
    page: async (index, after) => {
      // The service goes on from a key; a leap is told by the number of rows before it.
      const at = after === undefined ? { offset: index * PAGE } : { next: after };
      const query = { ...question, ...at, sortby: sort, limit: PAGE, properties, skipGeometry: true };
      const answer = await api.get("/collections/{layer}/items", { path, query });
      return { rows: answer.features, next: nextOf(answer.links) };
    },
    failed: screen.report,
    onRow: (feature) => {
      store.set({ selected: { layer, fid: feature.id }, tab: "feature" });
      if (!collection.liangtian.geometry) return;
      api.get("/collections/{layer}/items/{fid}", { path: { layer, fid: feature.id } })
        .then(({ geometry }) => geometry && board?.fit(geometry), screen.report);
    },
    isSelected: ({ id }) => store.get().selected?.fid === id && store.get().selected?.layer === layer,
    texts: { waiting: "…", sort: (title) => t("table.sort", { field: title }) },
  });
}

/** The token of the next page, from its link. */
function nextOf(links: { rel: string; href: string }[] = []): string | undefined {
  const href = links.find(({ rel }) => rel === "next")?.href;
  return href ? (new URL(href, location.origin).searchParams.get("next") ?? undefined) : undefined;
}

function column(name: string, property: Property): VirtualColumn<Feature> {
  const { type, format, oneOf, title = name } = property;
  const number = (type === "number" || type === "integer") && !oneOf?.length;
  const width = number || format === "date" || oneOf?.length || type === "boolean" ? 104 : /name|remark/.test(name) ? 200 : 160;
  return {
    key: name,
    title,
    width: Math.max(width, title.length * (/[\u3400-\u9fff]/.test(title) ? 14 : 7.5) + 28),
    number,
    sortable: true,
    cell: ({ properties }) => name === "area_mu" ? areaText(properties[name]) : valueText(properties[name], property),
  };
}

function areaText(mu: unknown): string {
  return typeof mu === "number" ? fixed(mu, language(), 2) : "";
}
