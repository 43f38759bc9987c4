import type { Environment } from "./environment.ts";
import type { Stop } from "./stop.ts";

/** The time limits of one client, in milliseconds. */
export interface Timing {
  /** Wait this long for a missing event, then read the log. */
  readonly gap: number;
  /** Read the log when nothing was received about an unfinished job for this long. */
  readonly silence: number;
  /** Without `ka` for this long, the realtime connection is lost. AppSync sends one every 60 s. */
  readonly keepAlive: number;
  /** For one request, `connection_ack` or `start_ack`. AppSync ends a request after 30 s. */
  readonly answer: number;
  /** The longest wait before the first retry; doubled for each further one, with full jitter. */
  readonly pause: number;
  /** The longest wait before any retry. */
  readonly longestPause: number;
  /** Of one request. */
  readonly tries: number;
  /** A request that the API is too busy for is repeated for this long. */
  readonly throttled: number;
  /** A watch without any contact to the API for this long fails. */
  readonly giveUp: number;
}

export const DEFAULT_TIMING: Timing = {
  gap: 300,
  silence: 5_000,
  keepAlive: 90_000,
  answer: 35_000,
  pause: 200,
  longestPause: 10_000,
  tries: 4,
  throttled: 60_000,
  giveUp: Infinity,
};

/** The waits between retries: exponential back-off with full jitter. */
export class Pauses {
  readonly #timing: Timing;
  readonly #environment: Environment;
  #failures = 0;

  constructor(timing: Timing, environment: Environment) {
    this.#timing = timing;
    this.#environment = environment;
  }

  /** The next wait, in milliseconds. */
  next(): number {
    const longest = Math.min(this.#timing.pause * 2 ** this.#failures, this.#timing.longestPause);
    this.#failures += 1;
    return longest * this.#environment.random();
  }

  /** Begins with short waits again. */
  reset(): void {
    this.#failures = 0;
  }
}

/** Waits for some milliseconds, or until the wait is stopped. */
export function sleep(milliseconds: number, stop: Stop, environment: Environment): Promise<void> {
  return new Promise((resolve) => {
    const cancel = environment.after(milliseconds, () => {
      forget();
      resolve();
    });
    const forget = stop.on(() => {
      cancel();
      resolve();
    });
  });
}
