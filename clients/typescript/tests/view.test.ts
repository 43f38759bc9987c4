import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Event, parseEvent } from "../src/model.ts";
import { emptyView, firstBytes, type JobView, mergeEvent } from "../src/view.ts";

const text = fc.string({ unit: "grapheme", maxLength: 12 });

/** A log of several attempts, with the output that a watcher shows at its end. */
const logs = fc
  .array(fc.record({ delta: text, again: fc.boolean(), kept: fc.nat(200) }), { minLength: 1, maxLength: 30 })
  .map((steps) => {
    let output = "";
    let attempt = 1;
    const events = steps.map(({ delta, again, kept }, index): Event => {
      const isNew = again && index > 0;
      const prefix = isNew ? prefixOf(output, kept) : output;
      if (isNew) attempt += 1;
      output = prefix + delta;
      return parseEvent({
        jobId: "j",
        owner: "o",
        model: "m",
        status: index === steps.length - 1 ? "COMPLETED" : "PROCESSING",
        sequence: index + 1,
        attempt,
        delta,
        outputKept: isNew ? new TextEncoder().encode(prefix).length : null,
        resultIsOutput: index === steps.length - 1,
      });
    });
    return { events, output };
  });

function prefixOf(output: string, count: number): string {
  return [...output].slice(0, count).join("");
}

function mergedAll(events: readonly Event[]): JobView {
  return events.reduce(mergeEvent, emptyView("j"));
}

describe("a view", () => {
  it("is the same whatever the order and however often events arrive", () => {
    const shuffled = logs.chain(({ events, output }) =>
      fc.record({
        output: fc.constant(output),
        events: fc.constant(events),
        arrived: fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2 }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ events, arrived, output }) => {
        const view = mergedAll(arrived);
        expect(view).toEqual(mergedAll(events));
        expect(view.output).toBe(output);
        expect(view.result).toBe(output);
      }),
    );
  });

  it("never goes back, and never shows an event before those that precede it", () => {
    fc.assert(
      fc.property(logs, fc.infiniteStream(fc.nat()), ({ events }, picks) => {
        let view = emptyView("j");
        const arrived = new Set<number>();
        for (const pick of picks.take(events.length * 2)) {
          const event = events[pick % events.length] as Event;
          arrived.add(event.sequence);
          const next = mergeEvent(view, event);
          expect(next.sequence).toBeGreaterThanOrEqual(view.sequence);
          for (let sequence = 1; sequence <= next.sequence; sequence += 1) expect(arrived).toContain(sequence);
          view = next;
        }
      }),
    );
  });

  it("is frozen", () => {
    expect(Object.isFrozen(emptyView("j"))).toBe(true);
    const event = parseEvent({ jobId: "j", owner: "o", model: "m", status: "PENDING", sequence: 1, attempt: 0 });
    expect(Object.isFrozen(mergedAll([event]))).toBe(true);
  });
});

describe("the first bytes of a text", () => {
  it("are those of its UTF-8, and never end inside a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 20 }), fc.nat(60), (any, count) => {
        const bytes = new TextEncoder().encode(firstBytes(any, count));
        expect([...bytes]).toEqual([...new TextEncoder().encode(any).subarray(0, bytes.length)]);
        expect(bytes.length).toBeLessThanOrEqual(count);
      }),
    );
  });
});
