/** A plain table of some dozens of rows; for thousands there is the virtual one. */
import { type Child, h } from "./dom";

export interface Column<R> {
  title: string;
  /** Numbers stand at the right. */
  number?: boolean;
  cell: (row: R) => Child;
}

export function table<R>(
  caption: string,
  columns: readonly Column<R>[],
  rows: readonly R[],
  options: { onRow?: (row: R) => void; total?: R } = {},
): HTMLElement {
  const { onRow, total } = options;
  const cells = (row: R): HTMLElement[] =>
    columns.map(({ number, cell }, index) =>
      h(index === 0 ? "th" : "td", { class: number ? "number" : null, scope: index === 0 ? "row" : null }, cell(row)),
    );
  const body = rows.map((row) => {
    const open = (): void => onRow?.(row);
    const keys = (event: Event): void => {
      if ((event as KeyboardEvent).key === "Enter") open();
    };
    return h("tr", onRow ? { tabindex: 0, class: "open", onclick: open, onkeydown: keys } : {}, ...cells(row));
  });
  return h(
    "div",
    { class: "table-box", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      { class: "table" },
      h("caption", { class: "visually-hidden" }, caption),
      h("thead", {}, h("tr", {}, ...columns.map(({ title, number }) => h("th", { scope: "col", class: number ? "number" : null }, title)))),
      h("tbody", {}, ...body),
      total !== undefined && h("tfoot", {}, h("tr", {}, ...cells(total))),
    ),
  );
}
