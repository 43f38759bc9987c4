import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Event, parseEvent, parseSnapshot } from "../src/model.ts";
import { emptyView, isFinal, type JobView, mergeEvent, mergeSnapshot, missing } from "../src/view.ts";

type Input = { event?: object; page?: object[]; snapshot?: object };
type Case = { name: string; steps: (Input & { view: object })[] };

const vectors = new URL("../../../tests/contract/vectors/merge.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(vectors, "utf8")) as { cases: Case[] };
const ANY = { jobId: "j", owner: "o", model: "m", attempt: 0 };

function merged(view: JobView, { event, page, snapshot }: Input): JobView {
  if (snapshot !== undefined) return mergeSnapshot(view, parseSnapshot({ ...ANY, ...snapshot }));
  const events: Event[] = (page ?? [event]).map((it) => parseEvent({ ...ANY, ...it }));
  return events.reduce(mergeEvent, view);
}

function shown(view: JobView): object {
  const { jobId, owner, model, delta, outputKept, resultIsOutput, held, createdAt, startTime, endTime, ...all } = view;
  const gap = missing(view);
  const range = gap > 0 ? [view.sequence + 1, view.sequence + gap] : null;
  const entries = Object.entries({ ...all, missing: range, final: isFinal(view) });
  return Object.fromEntries(entries.filter(([, value]) => value !== null && value !== false));
}

describe("the vectors of the merge", () => {
  it.each(cases)("$name", ({ steps }) => {
    let view = emptyView("j");
    for (const { view: expected, ...input } of steps) {
      view = merged(view, input);
      expect(shown(view)).toEqual(expected);
    }
    for (const { view: _, ...input } of steps) expect(merged(view, input)).toEqual(view);
  });
});
