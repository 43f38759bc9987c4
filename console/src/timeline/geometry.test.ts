import { describe, expect, it } from "vitest";
import { type Event, parseEvent } from "../../../clients/typescript/src/model.ts";
import { emptyView, mergeEvent } from "../../../clients/typescript/src/view.ts";
import { Arrivals } from "../delivery/arrivals.ts";
import { Tape } from "../delivery/tape.ts";
import { type Life, lifeOf, medianLatency, outputArea, positionAt, scale, ticks } from "./geometry.ts";

const START = Date.parse("2026-01-01T00:00:00Z");

/** The life of a job with these events, each at a second after the beginning, shown 50 ms later. */
function life(...events: readonly [second: number, fields: Partial<Event>][]): Life {
  const tape = new Tape();
  const arrivals = new Arrivals();
  arrivals.add("log", [], 0);
  let view = emptyView("j");
  events.forEach(([second, fields], index) => {
    const sequence = index + 1;
    const at = START + second * 1000;
    const known = { jobId: "j", owner: "o", status: "PROCESSING", sequence, attempt: 1, model: "m" };
    view = mergeEvent(view, { ...parseEvent(known), updatedAt: new Date(at).toISOString(), ...fields });
    arrivals.add(sequence === 4 ? "log" : "push", [sequence], at + 50);
    tape.add(view, at + 50);
  });
  return lifeOf(tape, arrivals, START + 60_000);
}

const RUNNING: [number, Partial<Event>][] = [
  [0, { status: "PENDING", attempt: 0 }],
  [1, {}],
  [2, { delta: "ab" }],
  [3, { progress: 0.5 }],
  [9, { progress: 0.5 }],
];

describe("the life of a job", () => {
  it("names what each event tells, and how it arrived", () => {
    const { marks } = life(...RUNNING, [10, { status: "COMPLETED", endTime: "2026-01-01T00:00:10Z" }]);

    expect(marks.map(({ kind }) => kind)).toEqual([
      "accepted",
      "claimed",
      "output",
      "progress",
      "heartbeat",
      "COMPLETED",
    ]);
    expect(marks.map(({ fate }) => fate)).toEqual(["pushed", "pushed", "pushed", "healed", "pushed", "pushed"]);
    expect(medianLatency(marks)).toBe(50);
  });

  it("ends with its last event, or now while it runs", () => {
    expect(life(...RUNNING).to).toBe(START + 60_000);
    expect(life(...RUNNING, [10, { status: "FAILED", endTime: "2026-01-01T00:00:10Z" }]).to).toBe(START + 10_000);
  });

  it("has a span for each attempt, with how it ended", () => {
    const { spans } = life(
      ...RUNNING,
      [10, { attempt: 2 }],
      [11, { attempt: 3, outputKept: 2 }],
      [12, { attempt: 3, status: "CANCELLED", endTime: "2026-01-01T00:00:12Z" }],
    );

    expect(
      spans.map(({ attempt, from, to, outcome, continues }) => [attempt, from - START, to - START, outcome, continues]),
    ).toEqual([
      [0, 0, 1_000, "waiting", null],
      [1, 1_000, 10_000, "replaced", null],
      [2, 10_000, 11_000, "continued", false],
      [3, 11_000, 12_000, "CANCELLED", true],
    ]);
  });

  it("shows long times without an event", () => {
    expect(life(...RUNNING).silences).toEqual([{ from: START + 3_000, to: START + 9_000 }]);
  });

  it("finds the event that was the newest at a time", () => {
    const { marks } = life(...RUNNING);

    expect([-1, 0, 2.5, 3, 99].map((second) => positionAt(marks, START + second * 1000))).toEqual([1, 1, 3, 4, 5]);
  });

  it("draws the output as steps, which fall when an attempt begins again", () => {
    const drawn = life([0, {}], [1, { delta: "abcd" }], [2, { attempt: 2 }], [4, { status: "FAILED", attempt: 2 }]);

    expect(outputArea(drawn, scale(drawn.from, START + 4_000, 400), 40)).toContain("L200.0,0.0L200.0,40.0");
  });
});

describe("an axis", () => {
  it("has round steps, no more than fit", () => {
    expect(ticks(9_500, 5)).toEqual([0, 2_000, 4_000, 6_000, 8_000]);
    expect(ticks(0, 5)).toEqual([0]);
    expect(ticks(400 * 36e5, 10).length).toBeLessThanOrEqual(11);
  });

  it("places times outside of its range at its ends", () => {
    const x = scale(1_000, 2_000, 100);

    expect([0, 1_500, 9_000].map(x)).toEqual([0, 50, 100]);
  });
});
