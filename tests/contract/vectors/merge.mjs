// The merge of docs/merge.md in JavaScript: `merge(view, { event } | { page } | { snapshot })` returns the next view.
// Run as a script, it tests the vectors in this folder: node tests/contract/vectors/merge.mjs

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

export const EMPTY = { now: { sequence: 0, status: "PENDING", attempt: 0 }, output: "", held: new Map() };

const UNFINISHED = new Set(["PENDING", "PROCESSING"]);
const TERMINAL = new Set(["COMPLETED", "FAILED", "CANCELLED"]);

/** Whether the job has ended. A status that this version does not know has ended if it has an end. */
function isTerminal({ status, endTime }) {
  return TERMINAL.has(status) || (!UNFINISHED.has(status) && (endTime ?? null) !== null);
}

export function merge(view, input) {
  if (input.page) return input.page.reduce((before, event) => merge(before, { event }), view);
  return input.snapshot ? follow(jump(view, input.snapshot)) : follow(hold(view, input.event));
}

function hold(view, event) {
  if (event.sequence <= view.now.sequence) return fill(view, event);
  const known = view.held.get(event.sequence);
  if (known && !known.resultOmitted) return view;
  return { ...view, held: new Map(view.held).set(event.sequence, event) };
}

function jump(view, { output, outputOmitted, ...event }) {
  if (outputOmitted || event.sequence <= view.now.sequence) return fill(view, event);
  return { now: completed(event, output), output, held: new Map([...view.held].filter(([sequence]) => sequence > event.sequence)) };
}

function fill(view, event) {
  const hasResult = view.now.resultOmitted && !event.resultOmitted && event.sequence === view.now.sequence;
  return hasResult ? { ...view, now: { ...view.now, result: event.result, resultOmitted: false } } : view;
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The first `count` bytes of a text's UTF-8. */
function firstBytes(text, count) {
  return utf8.decode(new TextEncoder().encode(text).subarray(0, count));
}

/** The event, with the output as its result if they are the same. */
function completed(event, output) {
  return event.resultIsOutput ? { ...event, result: output, resultOmitted: false } : event;
}

function follow({ now, output, held }) {
  const left = new Map(held);
  for (let next; (next = left.get(now.sequence + 1)); ) {
    left.delete(next.sequence);
    output = (next.attempt === now.attempt ? output : firstBytes(output, next.outputKept ?? 0)) + (next.delta ?? "");
    now = completed(next, output);
  }
  return { now, output, held: left };
}

/** The fields of a view that a vector has: not those that are null or false. */
export function shown({ now, output, held }) {
  const { delta, outputKept, resultIsOutput, endTime, ...fields } = now;
  const first = Math.min(...held.keys());
  const missing = held.size > 0 ? [now.sequence + 1, first - 1] : null;
  const final = isTerminal(now) && !now.resultOmitted;
  const all = Object.entries({ ...fields, output, missing, final });
  return Object.fromEntries(all.filter(([, value]) => value !== null && value !== undefined && value !== false));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { cases } = JSON.parse(readFileSync(new URL("merge.json", import.meta.url)));
  let views = 0;
  for (const { name, steps } of cases) {
    let view = EMPTY;
    for (const { view: expected, ...input } of steps) {
      view = merge(view, input);
      views += 1;
      if (isDeepStrictEqual(shown(view), expected)) continue;
      console.log(`${name}: expected ${JSON.stringify(expected)}, and found ${JSON.stringify(shown(view))}`);
      process.exitCode = 1;
    }
  }
  if (!process.exitCode) console.log(`${cases.length} cases, ${views} views: all as expected`);
}
