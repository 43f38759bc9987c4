import { type Event, parseEvent, parseSnapshot } from "../src/model.ts";
import { isFinal, type JobView, mergeEvent, mergeSnapshot, missing } from "../src/view.ts";

/** One input of the merge, as in the vectors. */
export type Input = { event?: object; page?: object[]; snapshot?: object };

const ANY = { jobId: "j", owner: "o", model: "m", attempt: 0 };

export function merged(view: JobView, { event, page, snapshot }: Input): JobView {
  if (snapshot !== undefined) return mergeSnapshot(view, parseSnapshot({ ...ANY, ...snapshot }));
  const events: Event[] = (page ?? [event]).map((it) => parseEvent({ ...ANY, ...it }));
  return events.reduce(mergeEvent, view);
}

/** What the vectors compare of a view. */
export function shown(view: JobView): object {
  const { jobId, owner, model, delta, outputKept, resultIsOutput, held, createdAt, startTime, endTime, ...all } = view;
  const gap = missing(view);
  const range = gap > 0 ? [view.sequence + 1, view.sequence + gap] : null;
  const entries = Object.entries({ ...all, missing: range, final: isFinal(view) });
  return Object.fromEntries(entries.filter(([, value]) => value !== null && value !== false));
}
