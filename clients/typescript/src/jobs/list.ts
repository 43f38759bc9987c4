import type { Event } from "../model.ts";

/**
 * The newest jobs of a caller, as far as is known: "A list of jobs" of docs/merge.md. `absent` are ids of jobs that the last
 * read should have contained, `deleted` those that this client has deleted.
 */
export interface JobList {
  readonly limit: number;
  readonly jobs: readonly Event[];
  readonly absent: ReadonlySet<string>;
  readonly deleted: ReadonlySet<string>;
}

/** The newest jobs, as the API returned them. `hasMore` says whether there are older ones. */
export interface ListRead {
  readonly items: readonly Event[];
  readonly hasMore: boolean;
}

/** A list about which nothing is known. */
export function emptyList(limit: number): JobList {
  return { limit, jobs: [], absent: new Set(), deleted: new Set() };
}

/** The list after an event of a job. */
export function mergeEvent(list: JobList, event: Event): JobList {
  return withEvents(list, [event]);
}

/** The list after a read. A job leaves it after two reads in a row without it. */
export function mergeRead(list: JobList, { items, hasMore }: ListRead): JobList {
  const found = new Set(items.map(({ jobId }) => jobId));
  const last = items.at(-1);
  const isCovered = (job: Event): boolean => !hasMore || (last !== undefined && newestFirst(job, last) < 0);
  const missing = list.jobs.filter((job) => !found.has(job.jobId) && isCovered(job)).map(({ jobId }) => jobId);
  const gone = new Set(missing.filter((id) => list.absent.has(id)));
  const jobs = list.jobs.filter(({ jobId }) => !gone.has(jobId));
  return withEvents({ ...list, jobs, absent: new Set(missing.filter((id) => !gone.has(id))) }, items);
}

/** The list after this client has deleted a job. */
export function mergeDeletion(list: JobList, deletedId: string): JobList {
  const jobs = list.jobs.filter(({ jobId }) => jobId !== deletedId);
  const absent = new Set([...list.absent].filter((id) => id !== deletedId));
  return { ...list, jobs, absent, deleted: new Set(list.deleted).add(deletedId) };
}

function withEvents(list: JobList, events: readonly Event[]): JobList {
  const rows = new Map(list.jobs.map((job) => [job.jobId, job]));
  const absent = new Set(list.absent);
  for (const event of events) {
    const known = rows.get(event.jobId);
    if (list.deleted.has(event.jobId) || (known !== undefined && known.sequence >= event.sequence)) continue;
    rows.set(event.jobId, event);
    absent.delete(event.jobId);
  }
  const jobs = [...rows.values()].sort(newestFirst).slice(0, list.limit);
  const shown = new Set(jobs.map(({ jobId }) => jobId));
  return { ...list, jobs, absent: new Set([...absent].filter((id) => shown.has(id))) };
}

/** The order of the list: from the newest job to the oldest, then by id, descending. */
function newestFirst(one: Event, other: Event): number {
  const [first, second] = [one, other].map(({ createdAt }) => Date.parse(createdAt ?? "") || 0) as [number, number];
  const age = second - first;
  return age !== 0 ? age : one.jobId < other.jobId ? 1 : one.jobId > other.jobId ? -1 : 0;
}
