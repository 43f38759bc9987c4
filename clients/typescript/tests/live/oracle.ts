// Merges random inputs, and asks another program for the views that they must result in: it writes the inputs of one
// run as a JSON line, and reads the views after each of them. node oracle.js RUNS SEED
import { deepStrictEqual } from "node:assert";
import { createInterface } from "node:readline";
import fc from "fast-check";
import { emptyView } from "../../src/view.ts";
import { type Input, merged, shown } from "../merging.ts";

const [runs, seed] = process.argv.slice(2).map(Number);
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const text = fc.string({ unit: "grapheme", maxLength: 6 });
const step = fc.record({
  delta: fc.option(text),
  again: fc.boolean(),
  kept: fc.option(fc.nat(8)), // characters of the output that a new attempt keeps
  progress: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  message: fc.option(text),
});
const end = fc.constantFrom(
  { status: "COMPLETED", resultIsOutput: true, resultOmitted: true },
  { status: "COMPLETED", result: "the result" },
  { status: "FAILED", error: "no more", errorType: "WORKLOAD_FAILED" },
  { status: "CANCELLED" },
  { status: "EXPIRED", endTime: "2026-01-01T00:00:00.000Z" },
  {},
);

/** The entries of a log, each with the output up to it. */
const logs = fc.tuple(fc.array(step, { minLength: 1, maxLength: 12 }), end).map(([steps, last]) => {
  let [output, attempt] = ["", 1];
  return steps.map(({ delta, again, kept, progress, message }, index) => {
    const isNew = again && index > 0;
    const prefix = isNew ? [...output].slice(0, kept ?? 0).join("") : output;
    const outputKept = isNew && kept !== null ? Buffer.byteLength(prefix) : null;
    if (isNew) attempt += 1;
    output = prefix + (delta ?? "");
    const event = { sequence: index + 1, status: "PROCESSING", attempt, delta, outputKept, progress, message };
    return { event: { ...event, ...(index === steps.length - 1 && last) }, output };
  });
});

/** Pushes, pages and snapshots of a log in any order. Some are lost, some are repeated, some omit a long text. At
 * the end, the gaps before the last event are closed. */
const arrivals = logs.chain((log) => {
  const omitted = ({ result, ...event }: Record<string, unknown>) =>
    result === undefined ? event : { ...event, resultOmitted: true };
  const at = fc.nat(log.length - 1);
  const input: fc.Arbitrary<Input> = fc.oneof(
    { weight: 5, arbitrary: at.map((index) => ({ event: log[index]?.event as object })) },
    { weight: 1, arbitrary: at.map((index) => ({ event: omitted(log[index]?.event ?? {}) })) },
    {
      weight: 2,
      arbitrary: fc.tuple(at, at).map(([one, other]) => ({
        page: log.slice(Math.min(one, other), Math.max(one, other) + 1).map(({ event }) => event),
      })),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(at, fc.boolean()).map(([index, outputOmitted]) => ({
        snapshot: {
          ...log[index]?.event,
          delta: null,
          ...(outputOmitted ? { outputOmitted } : { output: log[index]?.output }),
        },
      })),
    },
  );
  const whole = { page: log.slice(0, -1).map(({ event }) => event) };
  return fc.array(input, { minLength: 1, maxLength: 30, size: "max" }).map((inputs) => [...inputs, whole]);
});

async function main(): Promise<void> {
  await fc.assert(
    fc.asyncProperty(arrivals, async (inputs) => {
      process.stdout.write(`${JSON.stringify(inputs)}\n`);
      const { value } = await answers.next();
      let view = emptyView("j");
      const views = inputs.map((input) => {
        view = merged(view, input);
        return shown(view);
      });
      deepStrictEqual(JSON.parse(JSON.stringify(views)), JSON.parse(String(value)));
    }),
    { numRuns: runs as number, seed: seed as number },
  );
}

main().then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`${error}\n`);
    process.exit(1);
  },
);
