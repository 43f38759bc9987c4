import { describe, expect, it } from "vitest";
import { type Event, parseEvent } from "../../../clients/typescript/src/model.ts";
import { emptyView, type JobView, mergeEvent } from "../../../clients/typescript/src/view.ts";
import { Arrivals } from "./arrivals.ts";
import { Tape } from "./tape.ts";

const JOB = "00000000-0000-4000-8000-000000000001";

function event(sequence: number, fields: Partial<Event> = {}): Event {
  const known = { jobId: JOB, owner: "o", status: "PROCESSING", sequence, attempt: 1, model: "m" };
  return { ...parseEvent(known), ...fields };
}

describe("a tape", () => {
  it("returns every state exactly as the merge of the events up to it", () => {
    const events = [
      event(1, { status: "PENDING", attempt: 0 }),
      event(2),
      event(3, { delta: "海の" }),
      event(4, { delta: "便り 🐋" }),
      event(5, { attempt: 2, outputKept: 6 }),
      event(6, { attempt: 2, delta: "again" }),
      event(7, { attempt: 3, delta: "new" }),
      event(8, { attempt: 3, status: "COMPLETED", resultIsOutput: true, endTime: "2026-01-01T00:00:00Z" }),
    ];
    const tape = new Tape();
    const views: JobView[] = [];
    let view = emptyView(JOB);
    for (const it of events) {
      view = mergeEvent(view, it);
      views.push(view);
      tape.add(view, 1_000 + it.sequence);
    }

    expect(events.map(({ sequence }) => tape.at(sequence))).toEqual(views);
    expect(tape.at(5).output).toBe("海の");
    expect(tape.at(8).result).toBe("new");
    expect(tape.shownAt(3)).toBe(1_003);
    expect(() => tape.at(9)).toThrow(RangeError);
  });
});

describe("arrivals", () => {
  it("counts what was read at the beginning as neither lost nor healed", () => {
    const arrivals = new Arrivals();
    arrivals.add("log", [1, 2, 3], 10);
    arrivals.add("push", [3], 11); // pushed while the log was read
    arrivals.add("log", [], 12);

    expect(arrivals.count()).toEqual({ pushed: 0, read: 3, healed: 0, late: 0, repeated: 0 });
  });

  it("tells pushed, overtaken, repeated and healed events apart", () => {
    const arrivals = new Arrivals();
    arrivals.add("log", [1], 10);
    arrivals.add("log", [], 11);
    arrivals.add("push", [2], 20);
    arrivals.add("push", [4], 21);
    arrivals.add("push", [3], 22); // overtaken by 4
    arrivals.add("push", [4], 23);
    arrivals.add("push", [6], 24);
    arrivals.add("log", [5, 6], 25); // 5 was lost
    arrivals.add("push", [5], 26); // or late

    const told = [1, 2, 3, 4, 5, 6].map((sequence) => {
      const it = arrivals.of(sequence);
      return [it?.origin, it?.pushes, it?.isLate, it?.arrivedAt];
    });
    expect(told).toEqual([
      ["read", 0, false, 10],
      ["pushed", 1, false, 20],
      ["pushed", 1, true, 22],
      ["pushed", 2, false, 21],
      ["healed", 1, true, 25],
      ["pushed", 1, false, 24],
    ]);
    expect(arrivals.count()).toEqual({ pushed: 4, read: 1, healed: 1, late: 2, repeated: 1 });
  });
});
