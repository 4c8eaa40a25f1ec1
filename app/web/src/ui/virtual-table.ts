/**
 * A table of any length: rows are asked for by pages when they come into sight, and only those in
 * sight are in the document. Past what a browser can scroll, the scroll bar stands for a share of the rows.
 */
import { type Child, fill, h } from "./dom";

export interface VirtualColumn<R> {
  key: string;
  title: string;
  /** Pixels. */
  width: number;
  number?: boolean;
  sortable?: boolean;
  cell: (row: R) => Child;
}

export interface VirtualOptions<R> {
  label: string;
  columns: readonly VirtualColumn<R>[];
  total: number;
  /** `key` or `-key`. */
  sort: string;
  onSort: (sort: string) => void;
  /** Rows from `index * PAGE` on; `after` is what the page before gave as `next`. */
  page: (index: number, after: string | undefined) => Promise<Page<R>>;
  failed: (error: unknown) => void;
  onRow: (row: R) => void;
  isSelected: (row: R) => boolean;
  texts: { waiting: string; sort: (title: string) => string };
}

export interface Page<R> {
  rows: R[];
  next?: string | undefined;
}

export const PAGE = 100;
const ROW = 30;
/** Chromium draws nothing below 33 million pixels, Firefox below 17. */
const MOST_PIXELS = 8_000_000;
const KEPT_PAGES = 40;
const SPARE_ROWS = 6;

export class VirtualTable<R> {
  private readonly pages = new Map<number, Page<R> | "asked">();
  private readonly window = h("div", { class: "vt-window", role: "rowgroup" });
  private readonly head = h("div", { class: "vt-head", role: "rowgroup" });
  private readonly space = h("div", { class: "vt-space" });
  readonly element: HTMLElement;
  private active = 0;
  private drawing = 0;

  constructor(private readonly options: VirtualOptions<R>) {
    const { label, total, columns } = options;
    const width = columns.reduce((sum, column) => sum + column.width, 0);
    const height = this.height();
    this.element = h(
      "div",
      {
        class: "vt", role: "grid", tabindex: 0, "aria-label": label,
        "aria-rowcount": total + 1, "aria-colcount": columns.length,
        onscroll: () => this.plan(), onkeydown: (event) => this.key(event as KeyboardEvent),
      },
      this.head,
      this.space,
    );
    for (const part of [this.head, this.space]) part.style.setProperty("width", `max(100%, ${width}px)`);
    this.space.style.setProperty("height", `${height}px`);
    this.space.append(this.window);
    fill(this.head, this.heads());
    new ResizeObserver(() => this.plan()).observe(this.element);
  }

  private height(): number {
    return Math.min(this.options.total * ROW, MOST_PIXELS);
  }

  private heads(): HTMLElement {
    const { columns, sort, onSort, texts } = this.options;
    const of = sort.replace(/^-/, "");
    return h(
      "div",
      { class: "vt-row", role: "row", "aria-rowindex": 1 },
      ...columns.map(({ key, title, number, sortable, width }) => {
        const direction = key !== of ? "none" : sort.startsWith("-") ? "descending" : "ascending";
        const next = direction === "ascending" ? `-${key}` : key;
        const text = sortable
          ? h("button", { type: "button", class: "vt-sort", title: texts.sort(title), onclick: () => onSort(next) }, title)
          : title;
        const cell = h("div", { class: `vt-cell ${number ? "number" : ""}`, role: "columnheader", "aria-sort": sortable ? direction : null }, text);
        cell.style.setProperty("width", `${width}px`);
        return cell;
      }),
    );
  }

  /** Draws again, for instance after another row was selected. */
  plan(): void {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = 0;
      this.draw();
    });
  }

  /** How far a pixel of the scroll bar moves the rows. */
  private ratio(): number {
    const room = this.element.clientHeight - ROW;
    const whole = this.options.total * ROW;
    return whole <= MOST_PIXELS ? 1 : (whole - room) / (MOST_PIXELS - room);
  }

  private draw(): void {
    const { total } = this.options;
    const { scrollTop, clientHeight } = this.element;
    const top = scrollTop * this.ratio();
    const first = Math.max(0, Math.floor(top / ROW) - SPARE_ROWS);
    const last = Math.min(total, Math.ceil((top + clientHeight) / ROW) + SPARE_ROWS);
    this.window.style.setProperty("transform", `translateY(${scrollTop + first * ROW - top}px)`);
    const rows: HTMLElement[] = [];
    for (let index = first; index < last; index++) rows.push(this.row(index));
    this.window.replaceChildren(...rows);
    for (let page = Math.floor(first / PAGE); page * PAGE < last; page++) this.ask(page);
  }

  private row(index: number): HTMLElement {
    const { columns, onRow, isSelected, texts } = this.options;
    const page = this.pages.get(Math.floor(index / PAGE));
    const row = page === undefined || page === "asked" ? undefined : page.rows[index % PAGE];
    const element = h("div", {
      class: `vt-row ${index === this.active ? "active" : ""}`,
      role: "row", id: `vt-${index}`, "aria-rowindex": index + 2,
      "aria-selected": row ? String(isSelected(row)) : "false",
      onclick: () => {
        this.active = index;
        if (row) onRow(row);
        this.plan();
      },
    });
    for (const { cell, number, width } of columns) {
      const place = h("div", { class: `vt-cell ${number ? "number" : ""}`, role: "gridcell" }, row ? cell(row) : texts.waiting);
      place.style.setProperty("width", `${width}px`);
      element.append(place);
    }
    return element;
  }

  private ask(index: number): void {
    if (this.pages.has(index)) return;
    this.pages.set(index, "asked");
    const before = this.pages.get(index - 1);
    const after = before && before !== "asked" ? before.next : undefined;
    this.options.page(index, after).then(
      (page) => {
        this.pages.set(index, page);
        for (const old of this.pages.keys()) {
          if (this.pages.size <= KEPT_PAGES) break;
          if (Math.abs(old - index) > 2) this.pages.delete(old);
        }
        this.plan();
      },
      (error: unknown) => {
        this.pages.delete(index);
        this.options.failed(error);
      },
    );
  }

  private key(event: KeyboardEvent): void {
    const rows = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 2);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: rows, PageUp: -rows, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Enter" && event.target === this.element) {
      const page = this.pages.get(Math.floor(this.active / PAGE));
      const row = page && page !== "asked" ? page.rows[this.active % PAGE] : undefined;
      if (row) this.options.onRow(row);
      this.plan();
      return;
    }
    if (step === undefined) return;
    event.preventDefault();
    this.active = Math.min(Math.max(this.active + step, 0), this.options.total - 1);
    this.element.setAttribute("aria-activedescendant", `vt-${this.active}`);
    this.reveal(this.active);
    this.plan();
  }

  private reveal(index: number): void {
    const ratio = this.ratio();
    const top = this.element.scrollTop * ratio;
    const room = this.element.clientHeight - ROW;
    if (index * ROW < top) this.element.scrollTop = (index * ROW) / ratio;
    else if ((index + 1) * ROW > top + room) this.element.scrollTop = ((index + 1) * ROW - room) / ratio;
  }
}
