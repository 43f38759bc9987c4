/**
 * How the page first got an event.
 *
 * - `pushed`: by a push.
 * - `read`: from the log when the page opened the job; the event was written before, or at that moment.
 * - `healed`: from the log later, because its push was lost or late.
 */
export type Origin = "pushed" | "read" | "healed";

/** What the page saw of one event. */
export interface Delivery {
  readonly sequence: number;
  readonly origin: Origin;
  /** When it arrived first, in milliseconds of the page's clock. */
  readonly arrivedAt: number;
  /** How many pushes of it arrived. */
  readonly pushes: number;
  /** Whether a push of it arrived after a push of a later event, or after it was healed. */
  readonly isLate: boolean;
}

/** What the page saw of a job's events: facts about this page's subscription, not about the job. */
export class Arrivals {
  readonly #deliveries = new Map<number, Delivery>();
  #isOpening = true; // the log is being read for the first time
  #newestPush = 0;

  /** Records a push or a page of the log. The first empty page ends the reading that opened the job. */
  add(via: "push" | "log", sequences: readonly number[], now: number): void {
    if (via === "log" && sequences.length === 0) this.#isOpening = false;
    for (const sequence of sequences) {
      const known = this.#deliveries.get(sequence);
      const origin = via === "push" ? "pushed" : this.#isOpening ? "read" : "healed";
      const first = known ?? { sequence, origin, arrivedAt: now, pushes: 0, isLate: false };
      if (via === "log") {
        this.#deliveries.set(sequence, first);
        continue;
      }
      const isRepeated = first.pushes > 0;
      const isOvertaken = sequence < this.#newestPush && first.origin !== "read" && !isRepeated;
      const isLate = first.isLate || isOvertaken || (first.origin === "healed" && !isRepeated);
      this.#deliveries.set(sequence, { ...first, pushes: first.pushes + 1, isLate });
      this.#newestPush = Math.max(this.#newestPush, sequence);
    }
  }

  /** What was seen of an event; undefined if it did not arrive. */
  of(sequence: number): Delivery | undefined {
    return this.#deliveries.get(sequence);
  }

  /** How many events there are of each kind. An event can be both late and repeated. */
  count(): Counts {
    const counts = { pushed: 0, read: 0, healed: 0, late: 0, repeated: 0 };
    for (const { origin, isLate, pushes } of this.#deliveries.values()) {
      counts[origin] += 1;
      if (isLate) counts.late += 1;
      if (pushes > 1) counts.repeated += 1;
    }
    return counts;
  }
}

/** Numbers of events by what the page saw of them. */
export interface Counts {
  readonly pushed: number;
  readonly read: number;
  readonly healed: number;
  readonly late: number;
  readonly repeated: number;
}
