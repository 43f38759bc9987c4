import type { JobView } from "longcall";
import type { Arrivals, Delivery } from "../delivery/arrivals.ts";
import type { Tape } from "../delivery/tape.ts";

/** What an event tells. A terminal event is its status. */
export type EventKind = "accepted" | "claimed" | "output" | "progress" | "heartbeat" | (string & {});

/** How the page got an event, in one word; `late` and `repeated` before the others. */
export type Fate = "pushed" | "healed" | "late" | "repeated" | "read";

/** One event, as a line from the moment at which it was written to the moment at which it was shown. */
export interface Mark {
  readonly position: number;
  readonly kind: EventKind;
  readonly fate: Fate;
  /** Both in milliseconds since the epoch: of the API's clock, and of the page's. */
  readonly writtenAt: number;
  readonly shownAt: number;
}

/**
 * The time in which one worker had the job; `attempt` 0 is the wait for the first claim. It was `continued` if the next
 * attempt kept some of its output, as after a hand-over, and `replaced` if the next one began again.
 */
export interface Span {
  readonly attempt: number;
  readonly from: number;
  readonly to: number;
  readonly outcome: "waiting" | "running" | "continued" | "replaced" | "COMPLETED" | "FAILED" | "CANCELLED";
  /** Whether its output continues that of the attempt before; null for the first one. */
  readonly continues: boolean | null;
}

/** A job's life: its events, attempts, and the times between which it is drawn. */
export interface Life {
  readonly from: number;
  readonly to: number;
  readonly marks: readonly Mark[];
  readonly spans: readonly Span[];
  /** Longest times without an event, at least `SILENCE` each. */
  readonly silences: readonly { readonly from: number; readonly to: number }[];
  /** Length of the output after each event, and the largest one. */
  readonly lengths: readonly number[];
  readonly longest: number;
}

const SILENCE = 3_000; // milliseconds without an event that are worth showing
const SHORTEST = 1_000; // milliseconds that the picture spans at least

/** What an event tells, from the state after it and the one before it. */
export function kindOf(before: JobView | null, after: JobView): EventKind {
  if (after.status !== "PENDING" && after.status !== "PROCESSING") return after.status;
  if (after.status === "PENDING") return "accepted";
  if (before === null || before.attempt !== after.attempt) return "claimed";
  if (after.delta !== "") return "output";
  if (before.progress !== after.progress || before.message !== after.message) return "progress";
  return "heartbeat";
}

/** How an event arrived, in one word. */
export function fateOf(delivery: Delivery | undefined): Fate {
  if (delivery === undefined) return "read";
  if (delivery.origin === "healed") return "healed";
  if (delivery.pushes > 1) return "repeated";
  if (delivery.isLate) return "late";
  return delivery.origin;
}

/** The life of a job up to now. `now` counts while the job runs. */
export function lifeOf(tape: Tape, arrivals: Arrivals, now: number): Life {
  const marks: Mark[] = [];
  const lengths: number[] = [];
  const silences: { from: number; to: number }[] = [];
  let before: JobView | null = null;
  let longest = 0;
  for (let position = 1; position <= tape.length; position += 1) {
    const state = tape.outline(position);
    const writtenAt = timeOf(state);
    const previous = marks.at(-1);
    if (previous !== undefined && writtenAt - previous.writtenAt >= SILENCE) {
      silences.push({ from: previous.writtenAt, to: writtenAt });
    }
    const fate = fateOf(arrivals.of(state.sequence));
    marks.push({ position, kind: kindOf(before, state), fate, writtenAt, shownAt: tape.shownAt(position) });
    lengths.push(tape.lengthAt(position));
    longest = Math.max(longest, tape.lengthAt(position));
    before = state;
  }
  const from = marks[0]?.writtenAt ?? now;
  const last = marks.at(-1)?.writtenAt ?? now;
  const isRunning = before === null || before.endTime === null;
  const to = Math.max(isRunning ? Math.max(last, now) : last, from + SHORTEST);
  return { from, to, marks, spans: spansOf(tape, to), silences, lengths, longest };
}

function spansOf(tape: Tape, to: number): Span[] {
  const spans: Span[] = [];
  for (let position = 1; position <= tape.length; position += 1) {
    const state = tape.outline(position);
    const current = spans.at(-1);
    const at = timeOf(state);
    if (current === undefined || current.attempt !== state.attempt) {
      if (current !== undefined) {
        const outcome = current.attempt === 0 ? "waiting" : state.outputKept === null ? "replaced" : "continued";
        spans[spans.length - 1] = { ...current, to: at, outcome };
      }
      const continues = state.attempt > 1 ? state.outputKept !== null : null;
      spans.push({
        attempt: state.attempt,
        from: at,
        to,
        outcome: state.attempt === 0 ? "waiting" : "running",
        continues,
      });
    }
    const span = spans.at(-1) as Span;
    if (isEnd(state.status)) spans[spans.length - 1] = { ...span, to: at, outcome: state.status };
  }
  return spans;
}

function isEnd(status: string): status is "COMPLETED" | "FAILED" | "CANCELLED" {
  return status === "COMPLETED" || status === "FAILED" || status === "CANCELLED";
}

/** When an event was written, in milliseconds since the epoch. */
export function timeOf(state: { readonly updatedAt: string | null }): number {
  return state.updatedAt === null ? 0 : Date.parse(state.updatedAt);
}

/** Places times on a width. Times outside of the range are placed at its ends. */
export function scale(from: number, to: number, width: number): (time: number) => number {
  const factor = width / Math.max(1, to - from);
  return (time) => Math.min(width, Math.max(0, (time - from) * factor));
}

/** Moments for the axis, in milliseconds after the beginning: round numbers, at most `most` of them after 0. */
export function ticks(duration: number, most: number): readonly number[] {
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5, 72e5,
  ];
  const step = steps.find((size) => duration / size <= most) ?? Math.ceil(duration / most / 36e5) * 36e5;
  return Array.from({ length: Math.floor(duration / step) + 1 }, (_, index) => index * step);
}

/** The middle latency from written to shown of the events that were not read when the page opened; null if none. */
export function medianLatency(marks: readonly Mark[]): number | null {
  const latencies = marks.filter(({ fate }) => fate !== "read").map(({ writtenAt, shownAt }) => shownAt - writtenAt);
  latencies.sort((one, other) => one - other);
  return latencies[latencies.length >> 1] ?? null;
}

/** The last position whose event was written by a time; 1 if none was. */
export function positionAt(marks: readonly Mark[], time: number): number {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((marks[middle] as Mark).writtenAt <= time) low = middle + 1;
    else high = middle;
  }
  return Math.max(1, low);
}

/** SVG paths of an area that shows how the output grew: steps from the left to the right. */
export function outputArea(life: Life, x: (time: number) => number, height: number): string {
  if (life.longest === 0) return "";
  let path = `M${x(life.from).toFixed(1)},${height}`;
  let lastX = -1;
  life.marks.forEach(({ writtenAt }, index) => {
    const at = x(writtenAt);
    const isLast = index === life.marks.length - 1;
    const falls = (life.lengths[index] ?? 0) < (life.lengths[index - 1] ?? 0);
    if (!isLast && !falls && at - lastX < 0.5) return;
    const before = height - ((life.lengths[index - 1] ?? 0) / life.longest) * height;
    const after = height - ((life.lengths[index] ?? 0) / life.longest) * height;
    path += `L${at.toFixed(1)},${before.toFixed(1)}L${at.toFixed(1)},${after.toFixed(1)}`;
    lastX = at;
  });
  const end = height - ((life.lengths.at(-1) ?? 0) / life.longest) * height;
  return `${path}L${x(life.to).toFixed(1)},${end.toFixed(1)}L${x(life.to).toFixed(1)},${height}Z`;
}
