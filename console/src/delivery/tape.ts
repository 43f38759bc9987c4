import type { JobView } from "longcall";

/** One state that was shown, and when, in milliseconds of the page's clock. Its output is stored by the tape. */
interface Entry {
  readonly state: JobView;
  readonly length: number; // of the output, in UTF-16 code units
  readonly shownAt: number;
}

/**
 * Every state of a job that a watch showed, in order. The state at position n is the one after n events.
 *
 * An output only grows while the attempt is the same, so the tape stores one text for each attempt, and the outputs are
 * prefixes of it. Thousands of states of a long output then need as little memory as the last one.
 */
export class Tape {
  readonly #entries: Entry[] = [];
  readonly #texts = new Map<number, string>();

  /** The number of states. */
  get length(): number {
    return this.#entries.length;
  }

  /** Adds the state after the next event. */
  add(view: JobView, shownAt: number): void {
    const { output, ...rest } = view;
    const result = view.resultIsOutput && view.result === output ? null : view.result;
    this.#entries.push({ state: { ...rest, result, output: "", held: [] }, length: output.length, shownAt });
    this.#texts.set(view.attempt, output);
  }

  /**
   * The state after a number of events, exactly as it was shown.
   *
   * @throws RangeError - The tape has no such position.
   */
  at(position: number): JobView {
    const { state, length } = this.#entry(position);
    const output = (this.#texts.get(state.attempt) ?? "").slice(0, length);
    const result = state.resultIsOutput && state.result === null && !state.resultOmitted ? output : state.result;
    return { ...state, output, result };
  }

  /** The state after a number of events, without its output. Cheaper than `at`. */
  outline(position: number): JobView {
    return this.#entry(position).state;
  }

  /** The length of the output after a number of events. */
  lengthAt(position: number): number {
    return this.#entry(position).length;
  }

  /** When the state after a number of events was shown. */
  shownAt(position: number): number {
    return this.#entry(position).shownAt;
  }

  #entry(position: number): Entry {
    const entry = this.#entries[position - 1];
    if (entry === undefined) throw new RangeError(`expected a position from 1 to ${this.length}, found ${position}`);
    return entry;
  }
}
