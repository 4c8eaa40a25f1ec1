/** Swiping between two moments of the data, or between two scenes. */
import type { Revision, Scene, TileJson } from "../../api/answers";
import { language, t } from "../../i18n";
import type { Side } from "../../map/board";
import { iconButton } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { type Option, select } from "../../ui/field";
import { date } from "../../ui/format";
import { failed, loading } from "../../ui/states";
import type { MapScreen } from ".";

/** Most moments in the list; between them the slider of time goes on by steps of one. */
const MOMENTS = 24;
const COLOURS = "rgb";
const INDICES = ["si_gr", "ndvi"] as const;

export function comparePanel(root: HTMLElement, screen: MapScreen, close: () => void): () => void {
  const { api, store, board } = screen;
  let stop: () => void = () => undefined;
  const start = async (): Promise<void> => {
    fill(root, loading());
    try {
      const [{ revisions }, { features }, { indices }] = await Promise.all([
        api.get("/revisions"), api.get("/soil/scenes"), api.get("/soil/indices"),
      ]);
      const titles = new Map(indices.map(({ id, title }) => [id, title[language()]]));
      const scenes = pictures(features, titles);
      const times = moments(revisions, store.get().swipe ?? []);
      const options = [...times, ...scenes];
      const first = times.at(-1)?.[0] ?? "t:now";
      if (!store.get().swipe) store.set({ swipe: [first, "t:now"] });
      const render = (): void => {
        const { swipe } = store.get();
        if (!swipe) return board?.swipe(null);
        const [left, right] = swipe;
        fill(
          root,
          h("div", { class: "tool-head" }, h("strong", {}, t("swipe.title")), h("span", { class: "spacer" }), iconButton("close", t("panel.close"), close)),
          h(
            "div",
            { class: "compare-sides" },
            select(t("swipe.left"), left, options, (value) => store.set({ swipe: [value, right] })),
            select(t("swipe.right"), right, options, (value) => store.set({ swipe: [left, value] })),
          ),
        );
        void show([left, right], options);
      };
      stop = store.on(["swipe"], render);
      render();
    } catch (error) {
      fill(root, failed(error, screen, () => void start()));
    }
  };
  const show = async (swipe: [string, string], options: Option[]): Promise<void> => {
    try {
      const sides = await Promise.all(swipe.map((side) => sideOf(side, options, screen)));
      const [left, right] = sides;
      if (left && right && store.get().swipe?.join() === swipe.join()) board?.swipe([left, right]);
    } catch (error) {
      screen.report(error);
    }
  };
  void start();
  return () => {
    stop();
    board?.swipe(null);
    store.set({ swipe: null });
  };
}

/** Some of the revisions, evenly, and those that are compared already. */
function moments(revisions: Revision[], wanted: readonly string[]): Option[] {
  const every = Math.max(1, Math.ceil(revisions.length / MOMENTS));
  const chosen = revisions.filter(({ revision }, index) => index % every === 0 || wanted.includes(`t:${revision}`));
  const past = chosen.reverse().map(({ revision, time }): Option => [`t:${revision}`, t("swipe.data", { time: date(time, language()) })]);
  return [["t:now", t("swipe.data", { time: t("time.now") })], ...past];
}

function pictures(scenes: Scene[], titles: Map<string, string>): Option[] {
  return scenes.flatMap(({ id, properties }) => {
    const time = date(properties.datetime, language());
    const one = (what: string, title: string): Option => [`s:${id}:${what}`, t("swipe.scene", { time, what: title })];
    return [one(COLOURS, t("swipe.colours")), ...INDICES.map((index) => one(index, titles.get(index) ?? index))];
  });
}

async function sideOf(side: string, options: Option[], { api, store }: MapScreen): Promise<Side> {
  const label = options.find(([id]) => id === side)?.[1] ?? side;
  const [kind = "", id = "", what = ""] = side.split(":");
  if (kind === "t") return { label, asOf: id === "now" ? store.get().asOf : id };
  const query = what === COLOURS ? { bands: "R,G,B" } : { index: what };
  const json: TileJson = await api.get("/soil/scenes/{scene_id}/tiles.json", { path: { scene_id: id }, query });
  return { label, raster: rasterOf(json) };
}

function rasterOf({ tiles, bounds, minzoom, maxzoom }: TileJson): NonNullable<Side["raster"]> {
  return {
    tiles,
    ...(bounds ? { bounds } : {}),
    ...(minzoom === undefined ? {} : { minzoom }),
    ...(maxzoom === undefined ? {} : { maxzoom }),
  };
}
