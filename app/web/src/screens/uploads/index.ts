/** Uploads: those of this person, newest first. */
import type { App, Layout, Open } from "../../app/context";
import { language, t } from "../../i18n";
import { chip } from "../../ui/card";
import { fill, h } from "../../ui/dom";
import { date } from "../../ui/format";
import { failed, loading, message } from "../../ui/states";
import { table } from "../../ui/table";

export const layout: Layout = "side";

interface Upload {
  id: number;
  state: string;
  filename: string;
  created_at: string;
}

export const open: Open = (app, { root }) => {
  const body = h("div", {}, loading());
  fill(root, h("div", { class: "panel" }, h("h2", { class: "panel-title" }, t("nav.uploads")), body));
  void list(app, body);
  return {};
};

async function list(app: App, body: HTMLElement): Promise<void> {
  try {
    const { uploads } = (await app.api.get("/uploads", { query: { limit: 100 } })) as { uploads: Upload[] };
    if (!uploads.length) return fill(body, message(t("uploads.none"), t("uploads.none.hint")));
    const columns = [
      { title: t("uploads.file"), cell: (row: Upload) => row.filename },
      { title: t("uploads.state"), cell: (row: Upload) => chip(row.state) },
      { title: t("uploads.time"), cell: (row: Upload) => date(row.created_at, language(), true) },
    ];
    fill(body, table(t("nav.uploads"), columns, uploads));
  } catch (error) {
    fill(body, failed(error, app, () => void list(app, body)));
  }
}
