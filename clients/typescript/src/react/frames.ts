const LATEST = 100; // milliseconds; a hidden page draws no frames, so its listeners are called after this time

/** Tells listeners about changes: together, and at most once a frame. */
export class Frames {
  readonly #changed = new Set<() => void>();
  #cancel: (() => void) | null = null;

  /** Calls back with the next frame. A callback that waits already is called once. */
  request(callback: () => void): void {
    this.#changed.add(callback);
    this.#cancel ??= nextFrame(() => this.#flush());
  }

  #flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const callback of changed) callback();
  }
}

/** Calls back with the next frame, or after a while: hidden pages and React Native's background have no frames. */
function nextFrame(callback: () => void): () => void {
  const timer = setTimeout(callback, LATEST);
  const frame = globalThis.requestAnimationFrame?.(callback);
  return () => {
    clearTimeout(timer);
    if (frame !== undefined) globalThis.cancelAnimationFrame(frame);
  };
}
