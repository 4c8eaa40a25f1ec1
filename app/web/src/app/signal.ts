/** A value that tells when it changes. */
export class Signal<T> {
  private listeners = new Set<(value: T) => void>();

  constructor(private current: T) {}

  get(): T {
    return this.current;
  }

  set(value: T): void {
    this.current = value;
    for (const run of [...this.listeners]) run(value);
  }

  /** Returns what ends the listening. */
  on(run: (value: T) => void): () => void {
    this.listeners.add(run);
    return () => void this.listeners.delete(run);
  }
}
