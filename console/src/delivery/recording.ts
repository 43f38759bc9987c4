import type { Client, JobView } from "longcall";
import { Arrivals } from "./arrivals.ts";
import { Tape } from "./tape.ts";

const LINGER = 1_000; // milliseconds without a listener after which the watch ends
const HIDDEN = 250; // milliseconds between notifications of a page that is not painted

/** What a page shows of a recording. A new object for every notification; `tape` and `arrivals` only grow. */
export interface Recorded {
  readonly tape: Tape;
  readonly arrivals: Arrivals;
  /** The newest state; null until the first one is known. */
  readonly view: JobView | null;
  /** Why the watch ended before the job did; null otherwise. */
  readonly error: unknown;
}

/**
 * Watches one job while somebody listens, and records every state and how each event arrived.
 *
 * Listeners are notified at most once a frame, however many events arrive.
 */
export class Recording {
  readonly jobId: string;
  readonly #client: Client;
  readonly #listeners = new Set<() => void>();
  #tape = new Tape();
  #arrivals = new Arrivals();
  #recorded: Recorded;
  #view: JobView | null = null;
  #error: unknown = null;
  #watch: AbortController | null = null;
  #isComplete = false; // the job has ended, and everything is shown
  #cancelNotification: (() => void) | null = null;
  #lingering: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Client, jobId: string) {
    this.#client = client;
    this.jobId = jobId;
    this.#recorded = { tape: this.#tape, arrivals: this.#arrivals, view: null, error: null };
  }

  /** Starts the watch with the first listener. It ends a moment after the last one has left. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    clearTimeout(this.#lingering);
    if (this.#watch === null && this.#error === null && !this.#isComplete) void this.#run();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#lingering = setTimeout(() => this.stop(), LINGER);
    };
  };

  readonly getSnapshot = (): Recorded => this.#recorded;

  /** Watches again after an error. */
  readonly retry = (): void => {
    this.#error = null;
    this.#notify();
    if (this.#watch === null) void this.#run();
  };

  /** Ends the watch. The job continues. */
  stop(): void {
    this.#watch?.abort();
    this.#watch = null;
  }

  async #run(): Promise<void> {
    const watch = new AbortController();
    this.#watch = watch;
    // A watch shows a job from its first event on, so the record starts again too.
    const tape = new Tape();
    const arrivals = new Arrivals();
    this.#tape = tape;
    this.#arrivals = arrivals;
    const onArrival = (via: "push" | "log", events: readonly { readonly sequence: number }[]): void =>
      arrivals.add(
        via,
        events.map(({ sequence }) => sequence),
        Date.now(),
      );
    try {
      for await (const view of this.#client.watch(this.jobId, { signal: watch.signal, onArrival })) {
        tape.add(view, Date.now());
        if (this.#tape !== tape) return;
        this.#view = view;
        this.#notify();
      }
      this.#isComplete = !watch.signal.aborted;
    } catch (error) {
      if (this.#tape !== tape) return;
      this.#error = error;
      this.#watch = null;
      this.#notify();
    }
  }

  #notify(): void {
    this.#cancelNotification ??= onNextFrame(() => {
      this.#cancelNotification = null;
      this.#recorded = { tape: this.#tape, arrivals: this.#arrivals, view: this.#view, error: this.#error };
      for (const listener of this.#listeners) listener();
    });
  }
}

/** Calls back before the next frame, or soon if the page is hidden and has no frames. Returns what cancels it. */
function onNextFrame(callback: () => void): () => void {
  if (document.visibilityState === "hidden") {
    const timer = setTimeout(callback, HIDDEN);
    return () => clearTimeout(timer);
  }
  // The page may be hidden before its next frame.
  const done = (): void => {
    cancel();
    callback();
  };
  const frame = requestAnimationFrame(done);
  const timer = setTimeout(done, HIDDEN);
  const cancel = (): void => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
  return cancel;
}
