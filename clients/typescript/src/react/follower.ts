import type { Client } from "../client.ts";
import type { JobView } from "../view.ts";
import { isFinal } from "../view.ts";
import type { Frames } from "./frames.ts";

/** Where the following of a job is. */
export type Phase =
  /** There is no job id. */
  | "idle"
  /** No event of the job is known yet. */
  | "connecting"
  /** The job runs, and its events arrive. */
  | "following"
  /** The job has ended, and its result is known. */
  | "ended"
  /** The job is not followed any more; `error` says why. The job itself may still run. */
  | "failed";

/** What is known of a job. Frozen, and the same object until there is something new. */
export interface Snapshot {
  readonly phase: Phase;
  readonly view: JobView | null;
  readonly error: Error | null;
}

export const IDLE: Snapshot = Object.freeze({ phase: "idle", view: null, error: null });
export const CONNECTING: Snapshot = Object.freeze({ phase: "connecting", view: null, error: null });

const LINGER = 1_000; // milliseconds; StrictMode, and a change of pages, remove and add a listener at once

/** Follows one job for any number of listeners: begins with the first one, and ends a second after the last one. */
export class Follower {
  snapshot: Snapshot = CONNECTING;
  readonly #client: Client;
  readonly #jobId: string;
  readonly #frames: Frames;
  readonly #forget: () => void;
  readonly #listeners = new Set<() => void>();
  #latest: Snapshot = CONNECTING;
  #following: AbortController | null = null;
  #linger: ReturnType<typeof setTimeout> | undefined;

  /** @param forget - Called when nobody listens any more. */
  constructor(client: Client, jobId: string, frames: Frames, forget: () => void) {
    this.#client = client;
    this.#jobId = jobId;
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

  /** Follows the job again, if that has failed. */
  retry(): void {
    if (this.#latest.phase === "failed") void this.#follow();
  }

  async #follow(): Promise<void> {
    const following = new AbortController();
    this.#following = following;
    const { view } = this.#latest;
    this.#show(view === null ? CONNECTING : { phase: "following", view, error: null });
    try {
      for await (const view of this.#client.watch(this.#jobId, { signal: following.signal })) {
        if (following.signal.aborted) return;
        this.#show({ phase: isFinal(view) ? "ended" : "following", view, error: null });
      }
    } catch (error) {
      this.#show({ phase: "failed", view: this.#latest.view, error: error as Error });
    }
  }

  #show(snapshot: Snapshot): void {
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
