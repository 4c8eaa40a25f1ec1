/** Edits that met a newer version: a list, and one compared three ways until somebody decides. */
import type { App } from "../../app/context";
import { collectionOf } from "../../app/context";
import { language, t } from "../../i18n";
import { button, iconButton } from "../../ui/button";
import { fill, h } from "../../ui/dom";
import { date } from "../../ui/format";
import { failed, loading, message } from "../../ui/states";
import { table } from "../../ui/table";
import { type Choice, compareTable } from "../map/edit/compare";
import { read } from "../map/edit/service";
import type { Conflict } from "./answers";

const LOOKS = { theirs: { color: "#2b6cb0", fill: 0.12, width: 2.5 }, mine: { color: "#c2371f", fill: 0.12, width: 2.5, dash: [2, 1.5] } };

export function conflictsPage(root: HTMLElement, app: App, number: string): void {
  if (/^\d{1,15}$/.test(number)) void onePage(root, app, Number(number));
  else void listPage(root, app);
}

function nameOf(app: App, { layer, fid }: Conflict): string {
  return `${collectionOf(app.catalog.get(), layer)?.title ?? layer} #${fid}`;
}

async function listPage(root: HTMLElement, app: App): Promise<void> {
  fill(root, loading());
  try {
    const { conflicts } = await app.api.get("/conflicts");
    if (!conflicts.length) return fill(root, message(t("conflict.none"), t("conflict.none.hint")));
    fill(
      root,
      table(
        t("account.conflicts"),
        [
          { title: t("conflict.feature"), cell: (one) => nameOf(app, one) },
          { title: t("conflict.author"), cell: ({ author }) => author },
          { title: t("conflict.when"), cell: ({ created_at: time }) => date(time, language(), true) },
          { title: t("conflict.clashes"), number: true, cell: ({ clashes }) => clashes.length },
        ],
        conflicts,
        { onRow: ({ id }) => app.go("account", ["conflicts", String(id)]) },
      ),
    );
  } catch (error) {
    fill(root, failed(error, app, () => void listPage(root, app)));
  }
}

async function onePage(root: HTMLElement, app: App, number: number): Promise<void> {
  fill(root, loading());
  try {
    const found = await app.api.get("/conflicts/{number}", { path: { number } });
    const schema = await app.api.schema(found.layer);
    const choice: Choice = {};
    const decide = async (take: "mine" | "theirs" | "merge"): Promise<void> => {
      try {
        const seen = found.shapes.theirs || take !== "theirs" ? await read(app.api, { layer: found.layer, fid: found.fid }).catch(() => null) : null;
        await app.api.post("/conflicts/{number}/resolve", {
          path: { number },
          json: { take, ...(take === "merge" ? { choose: Object.fromEntries(found.clashes.map((name) => [name, choice[name] ?? "mine"])) } : {}) },
          headers: seen ? { "If-Match": seen.tag } : {},
        });
        app.toast(t("conflict.decided"));
        app.refresh();
        app.go("account", ["conflicts"]);
      } catch (error) {
        app.report(error);
      }
    };
    for (const side of ["theirs", "mine"] as const) {
      const geometry = found.shapes[side];
      if (geometry) app.board?.overlay(`conflict-${side}`).shapes({ type: "FeatureCollection", features: [{ type: "Feature", properties: {}, geometry }] }, LOOKS[side]);
    }
    const where = found.shapes.theirs ?? found.shapes.mine;
    if (where) app.board?.fit(where);
    const open = found.state === "open";
    fill(
      root,
      h("div", { class: "person-head" }, iconButton("back", t("conflict.back"), () => app.go("account", ["conflicts"])), h("h3", {}, nameOf(app, found))),
      h("p", { class: "note" }, [found.author, date(found.created_at, language(), true), found.reason].filter(Boolean).join(" · ")),
      found.operation === "delete" ? h("p", {}, t("conflict.deletion")) : compareTable(schema, found, choice),
      open
        ? h(
            "div",
            { class: "row" },
            found.operation === "update" && found.shapes.theirs !== null && button(t("conflict.merge"), () => void decide("merge"), "primary", { "data-action": "merge" }),
            button(t("conflict.mine"), () => void decide("mine"), "", { "data-action": "mine" }),
            button(t("conflict.theirs"), () => void decide("theirs"), "", { "data-action": "theirs" }),
          )
        : h("p", { class: "state-hint" }, t("conflict.closed")),
    );
  } catch (error) {
    fill(root, failed(error, app, () => void onePage(root, app, number)));
  }
}
