// "A list of jobs" of docs/merge.md in JavaScript: `merge(list, { event } | { read } | { deletion })` returns the next list.
// Run as a script, it tests the vectors in this folder: node tests/contract/vectors/jobs.mjs

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

export const empty = (limit) => ({ limit, jobs: [], absent: new Set(), deleted: new Set() });

export function merge(list, { event, read, deletion }) {
  if (event) return add(list, [event]);
  return read ? add(settle(list, read), read.items) : remove(list, deletion);
}

function remove(list, jobId) {
  const absent = new Set([...list.absent].filter((id) => id !== jobId));
  const jobs = list.jobs.filter((job) => job.jobId !== jobId);
  return { ...list, jobs, absent, deleted: new Set(list.deleted).add(jobId) };
}

/** The list without the jobs that this read and the one before should have contained. */
function settle(list, { items, hasMore }) {
  const found = new Set(items.map((job) => job.jobId));
  const covers = (job) => !hasMore || (items.length > 0 && compare(job, items.at(-1)) < 0);
  const absent = list.jobs.filter((job) => !found.has(job.jobId) && covers(job)).map((job) => job.jobId);
  const gone = new Set(absent.filter((id) => list.absent.has(id)));
  const jobs = list.jobs.filter((job) => !gone.has(job.jobId));
  return { ...list, jobs, absent: new Set(absent.filter((id) => !gone.has(id))) };
}

function add(list, events) {
  const rows = new Map(list.jobs.map((job) => [job.jobId, job]));
  const absent = new Set(list.absent);
  for (const event of events) {
    if (list.deleted.has(event.jobId) || rows.get(event.jobId)?.sequence >= event.sequence) continue;
    rows.set(event.jobId, event);
    absent.delete(event.jobId);
  }
  const jobs = [...rows.values()].sort(compare).slice(0, list.limit);
  const shown = new Set(jobs.map((job) => job.jobId));
  return { ...list, jobs, absent: new Set([...absent].filter((id) => shown.has(id))) };
}

/** The order of the list: from the newest job to the oldest, then by id, descending. */
function compare(one, other) {
  const [first, second] = [one, other].map((job) => [Date.parse(job.createdAt), job.jobId]);
  if (first[0] !== second[0]) return second[0] - first[0];
  return first[1] === second[1] ? 0 : first[1] < second[1] ? 1 : -1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { cases } = JSON.parse(readFileSync(new URL("jobs.json", import.meta.url)));
  let lists = 0;
  for (const { name, limit, steps } of cases) {
    let list = empty(limit);
    for (const { list: expected, absent = [], ...input } of steps) {
      list = merge(list, input);
      lists += 1;
      const shown = list.jobs.map(({ createdAt, delta, result, ...fields }) => fields);
      if (isDeepStrictEqual([shown, [...list.absent]], [expected, absent])) continue;
      console.log(`${name}: expected ${JSON.stringify([expected, absent])}, and found ${JSON.stringify([shown, [...list.absent]])}`);
      process.exitCode = 1;
    }
  }
  if (!process.exitCode) console.log(`${cases.length} cases, ${lists} lists: all as expected`);
}
