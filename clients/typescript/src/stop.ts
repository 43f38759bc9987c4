/** Ends work, once. Unlike an AbortSignal in Node, it takes any number of listeners without a warning. */
export class Stop {
  isStopped = false;
  readonly #listeners = new Set<() => void>();

  /** Calls back when the work is stopped; at once if it is stopped already. Returns what forgets the listener. */
  on(listener: () => void): () => void {
    if (this.isStopped) listener();
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls every listener. Can be repeated. */
  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    for (const listener of this.#listeners) listener();
  }
}
