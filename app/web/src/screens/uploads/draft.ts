/** Decisions that were made on the page but not yet sent. */
import { Signal } from "../../app/signal";
import type { Decisions } from "./answers";

export class Draft extends Signal<Decisions> {
  /** `sent`: what the service has been told before. */
  constructor(readonly sent: Decisions) {
    super({});
  }

  get size(): number {
    return Object.keys(this.get()).length;
  }

  /** What would hold once the draft is sent. */
  now<K extends keyof Decisions>(name: K): Decisions[K] | undefined {
    return { ...this.sent, ...this.get() }[name];
  }

  /** Equal to what was sent is no change. */
  decide(change: Decisions): void {
    const next: Record<string, unknown> = { ...this.get(), ...change };
    for (const name of Object.keys(next) as (keyof Decisions)[]) {
      if (same(next[name], this.sent[name])) delete next[name];
    }
    this.set(next as Decisions);
  }

  /** One entry of `mapping`, `units` or `constants`; undefined takes it away. */
  entry(name: "mapping" | "units" | "constants", key: string, value: string | null | undefined): void {
    const entries: Record<string, string | null> = { ...this.now(name) };
    if (value === undefined) delete entries[key];
    else entries[key] = value;
    this.decide({ [name]: entries });
  }

  /** A column of the file is a field (null: none); no other column is it then. */
  map(column: string, field: string | null, others: readonly string[]): void {
    const mapping: Record<string, string | null> = { ...this.now("mapping"), [column]: field };
    for (const other of others) if (other !== column) mapping[other] = null;
    this.decide({ mapping });
  }
}

function same(a: unknown, b: unknown): boolean {
  const blank = (value: unknown): boolean =>
    value === undefined || value === null || value === false || (typeof value === "object" && !Object.keys(value).length);
  return (blank(a) && blank(b)) || JSON.stringify(a) === JSON.stringify(b);
}
