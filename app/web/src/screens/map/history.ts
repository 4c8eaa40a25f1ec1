/** The versions of a feature: who changed what, when and why, each value before and after. */
import type { Collection, Schema, Version } from "../../api/answers";
import { language, t } from "../../i18n";
import { button } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { area, date } from "../../ui/format";
import { failed, loading } from "../../ui/states";
import type { MapScreen } from ".";
import { restore, type Seen } from "./edit/service";
import { isBlank, valueText } from "./values";

const BEFORE = "before";

/** `now`: the feature as it is, for those who may bring back an older version. */
export function historySection(
  layer: Collection,
  schema: Schema,
  screen: MapScreen,
  fid: number,
  now: { seen: Seen | null; changed: () => void } | null,
): HTMLElement {
  const body = h("div", {});
  const details = h("details", { class: "history" }, h("summary", {}, t("history.title")), body);
  const load = async (): Promise<void> => {
    fill(body, loading());
    try {
      const { versions } = await screen.api.get("/collections/{layer}/items/{fid}/history", { path: { layer: layer.id, fid } });
      const bring = (version: number) => async (): Promise<void> => {
        try {
          await restore(screen.api, { layer: layer.id, fid }, now?.seen ?? null, version);
          screen.toast(t("history.restored", { version }));
          screen.refresh();
          now?.changed();
        } catch (error) {
          screen.report(error);
        }
      };
      const items = versions.map((one, index) => {
        const older = now && one.properties && (index > 0 || !now.seen);
        return item(one, versions[index + 1], schema, screen, older ? button(t("history.restore"), () => void bring(one.version)(), "chip") : null);
      });
      fill(body, h("ol", { class: "versions" }, ...items));
    } catch (error) {
      fill(body, failed(error, screen, () => void load()));
    }
  };
  details.addEventListener("toggle", () => {
    if (!details.open) screen.board?.overlay(BEFORE).remove();
    else if (!body.hasChildNodes()) void load();
  });
  return details;
}

function item(now: Version, before: Version | undefined, schema: Schema, { board }: MapScreen, action: HTMLElement | null): HTMLElement {
  const changes = before ? changed(before, now, schema) : [];
  const moved = before && JSON.stringify(before.geometry) !== JSON.stringify(now.geometry) ? before.geometry : null;
  const show = (geometry: GeoJSON.Geometry) => (): void => {
    const shapes: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [{ type: "Feature", properties: {}, geometry }] };
    board?.overlay(BEFORE).shapes(shapes, { color: "#7a3f8c", fill: 0.1, width: 2.5, dash: [2, 1.5] });
    board?.fit(geometry);
  };
  return h(
    "li",
    { class: "version" },
    h(
      "p",
      { class: "version-head" },
      h("strong", {}, date(now.time, language(), true)),
      h("span", {}, t(`history.${now.operation}`)),
      h("span", { class: "note" }, t("feature.version", { version: now.version })),
    ),
    h("p", { class: "note" }, [now.author, now.reason].filter(Boolean).join(" · ")),
    changes.length > 0 &&
      h(
        "table",
        { class: "table changes" },
        h("thead", { class: "visually-hidden" }, h("tr", {}, h("th", { scope: "col" }, t("history.field")), h("th", { scope: "col" }, t("history.before")), h("th", { scope: "col" }, t("history.after")))),
        h(
          "tbody",
          {},
          ...changes.map(({ title, from, to }) =>
            h("tr", {}, h("th", { scope: "row" }, title), h("td", { class: "before" }, from || t("totals.blank")), h("td", {}, to || t("totals.blank"))),
          ),
        ),
      ),
    h("div", { class: "row" }, moved && button(t("history.shape"), show(moved), "chip"), action),
  );
}

interface Change {
  title: string;
  from: string;
  to: string;
}

function changed(before: Version, now: Version, { properties }: Schema): Change[] {
  const names = new Set([...Object.keys(before.properties ?? {}), ...Object.keys(now.properties ?? {})]);
  const changes = [...names].flatMap((name): Change[] => {
    const [from, to] = [before.properties?.[name], now.properties?.[name]];
    if (JSON.stringify(from) === JSON.stringify(to) || (isBlank(from) && isBlank(to))) return [];
    const property = properties[name];
    return [{ title: property?.title ?? name, from: valueText(from, property), to: valueText(to, property) }];
  });
  const [was, is] = [before.area_m2, now.area_m2];
  if (was !== undefined && is !== undefined && Math.abs(was - is) > 0.005) {
    const mu = (m2: number): string => `${area(m2, "mu", language())} ${t("unit.mu")}`;
    changes.push({ title: t("history.area"), from: mu(was), to: mu(is) });
  }
  return changes;
}
