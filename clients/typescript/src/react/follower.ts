import type { Frames } from "./frames.ts";

/** Where the following of something is. */
export type Phase =
  /** There is nothing to follow. */
  | "idle"
  /** Nothing is known yet. */
  | "connecting"
  /** It is followed, and may change. */
  | "following"
  /** It has ended, and nothing can change any more. */
  | "ended"
  /** It is not followed any more; `error` says why. A job may still run. */
  | "failed";

/** What is known. Frozen, and the same object until there is something new. */
export interface Snapshot<T> {
  readonly phase: Phase;
  readonly value: T | null;
  readonly error: Error | null;
}

/** Something that can be followed. */
export interface Source<T> {
  /** Sources with the same key are the same. */
  readonly key: string;
  open(signal: AbortSignal): AsyncIterable<T>;
  /** Whether nothing can change any more after this value. */
  isLast(value: T): boolean;
}

export const IDLE: Snapshot<never> = Object.freeze({ phase: "idle", value: null, error: null });
export const CONNECTING: Snapshot<never> = Object.freeze({ phase: "connecting", value: null, error: null });

const LINGER = 1_000; // milliseconds; StrictMode, and a change of pages, remove and add a listener at once

/** Follows one source for any number of listeners: begins with the first one, and ends a second after the last one. */
export class Follower<T> {
  snapshot: Snapshot<T> = CONNECTING;
  readonly #source: Source<T>;
  readonly #frames: Frames;
  readonly #forget: () => void;
  readonly #listeners = new Set<() => void>();
  #latest: Snapshot<T> = CONNECTING;
  #following: AbortController | null = null;
  #linger: ReturnType<typeof setTimeout> | undefined;

  /** @param forget - Called when nobody listens any more. */
  constructor(source: Source<T>, frames: Frames, forget: () => void) {
    this.#source = source;
    this.#frames = frames;
    this.#forget = forget;
  }

  /** Calls back after each change of `snapshot`. Returns what ends it. */
  subscribe(listener: () => void): () => void {
    clearTimeout(this.#linger);
    this.#listeners.add(listener);
    if (this.#following === null) void this.#follow();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#linger = setTimeout(() => this.#stop(), LINGER);
    };
  }

  /** Follows the source again, if that has failed. */
  retry(): void {
    if (this.#latest.phase === "failed") void this.#follow();
  }

  async #follow(): Promise<void> {
    const following = new AbortController();
    const { value } = this.#latest;
    this.#following = following;
    this.#show(value === null ? CONNECTING : { phase: "following", value, error: null });
    try {
      for await (const value of this.#source.open(following.signal)) {
        if (following.signal.aborted) return;
        this.#show({ phase: this.#source.isLast(value) ? "ended" : "following", value, error: null });
      }
    } catch (error) {
      this.#show({ phase: "failed", value: this.#latest.value, error: error as Error });
    }
  }

  #show(snapshot: Snapshot<T>): void {
    this.#latest = Object.freeze(snapshot);
    this.#frames.request(this.#flush);
  }

  readonly #flush = (): void => {
    if (this.snapshot === this.#latest) return;
    this.snapshot = this.#latest;
    for (const listener of this.#listeners) listener();
  };

  #stop(): void {
    this.#following?.abort();
    this.#forget();
  }
}
