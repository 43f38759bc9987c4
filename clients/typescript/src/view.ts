import { type Event, isTerminal, parseEvent, type Snapshot } from "./model.ts";

/**
 * The state of a job at `sequence`, which is 0 until the first event is known.
 *
 * `output` is all output up to `sequence`, and `delta` what the event at `sequence` added. A view is frozen, and always
 * a state that is in the job's log.
 */
export interface JobView extends Omit<Event, "delta"> {
  readonly delta: string;
  readonly output: string;
  /** Events that arrived early, ascending, each once. */
  readonly held: readonly Event[];
}

/** The view of a job about which nothing is known. */
export function emptyView(jobId: string): JobView {
  const nothing = parseEvent({ jobId, sequence: 0, status: "PENDING", owner: "", model: "", attempt: 0 });
  return Object.freeze({ ...nothing, delta: "", output: "", held: [] });
}

/** Whether the job has ended. Its result may still be missing. */
export function hasEnded(view: JobView): boolean {
  return isTerminal(view.status, view.endTime);
}

/** Whether the job has ended and its result is known. Nothing can change the view any more. */
export function isFinal(view: JobView): boolean {
  return hasEnded(view) && !view.resultOmitted;
}

/** The number of events of the first gap: they exist and have not arrived. */
export function missing(view: JobView): number {
  const first = view.held[0];
  return first === undefined ? 0 : first.sequence - view.sequence - 1;
}

/** The view after an event. The result does not depend on the order in which events arrive, or how often. */
export function mergeEvent(view: JobView, event: Event): JobView {
  return settle(holdEvent(view, event));
}

/** The view after a snapshot. */
export function mergeSnapshot(view: JobView, snapshot: Snapshot): JobView {
  return settle(holdSnapshot(view, snapshot));
}

/** Records an event for `step`. */
export function holdEvent(view: JobView, event: Event): JobView {
  if (event.sequence <= view.sequence) return completed(view, event);
  const index = lowerBound(view.held, event.sequence);
  const known = view.held[index];
  if (known?.sequence !== event.sequence)
    return freeze(view, { held: [...view.held.slice(0, index), event, ...view.held.slice(index)] });
  if (known.resultOmitted && !event.resultOmitted) {
    return freeze(view, { held: [...view.held.slice(0, index), event, ...view.held.slice(index + 1)] });
  }
  return view;
}

/** Moves the view to the snapshot, if that is newer and has its output. */
export function holdSnapshot(view: JobView, { event, output }: Snapshot): JobView {
  if (output === null || event.sequence <= view.sequence) return completed(view, event);
  return at(event, output, view.held.slice(lowerBound(view.held, event.sequence + 1)));
}

/** The view after its next event; null if that event has not arrived. */
export function step(view: JobView): JobView | null {
  const [next, ...rest] = view.held;
  if (next?.sequence !== view.sequence + 1) return null;
  const kept = next.attempt === view.attempt ? view.output : firstBytes(view.output, next.outputKept ?? 0);
  return at(next, kept + (next.delta ?? ""), rest);
}

/** The first `count` bytes of a text's UTF-8. They never end inside a character. */
export function firstBytes(text: string, count: number): string {
  let bytes = 0;
  let index = 0;
  while (index < text.length) {
    const point = text.codePointAt(index) as number;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (bytes > count) break;
    index += point < 0x10000 ? 1 : 2;
  }
  return text.slice(0, index);
}

function settle(view: JobView): JobView {
  let current = view;
  for (let next = step(current); next !== null; next = step(current)) current = next;
  return current;
}

/** The view with the result that a push omitted, if this is the same event with its result. */
function completed(view: JobView, event: Event): JobView {
  if (!view.resultOmitted || event.resultOmitted || event.sequence !== view.sequence) return view;
  return freeze(view, { result: event.result, resultOmitted: false });
}

function at(event: Event, output: string, held: readonly Event[]): JobView {
  const view = { ...event, delta: event.delta ?? "", output, held };
  return Object.freeze(event.resultIsOutput ? { ...view, result: output, resultOmitted: false } : view);
}

function freeze(view: JobView, changes: Partial<JobView>): JobView {
  return Object.freeze({ ...view, ...changes });
}

/** The first index whose event has at least this sequence. */
function lowerBound(held: readonly Event[], sequence: number): number {
  let [low, high] = [0, held.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((held[middle] as Event).sequence < sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}
