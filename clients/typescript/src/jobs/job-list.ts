import { type Event, isTerminal } from "../model.ts";

/** The caller's newest jobs, as listInferences answered. `hasMore` says that there are older ones. */
export interface ListRead {
  readonly items: readonly Event[];
  readonly hasMore: boolean;
}

/** The view of a list of jobs, as docs/merge.md specifies it: the newest event of each job, without texts. */
export interface JobList {
  readonly limit: number;
  /** Newest first, at most `limit`. */
  readonly jobs: readonly Event[];
  /** Jobs that the last read should have contained and did not contain. */
  readonly absent: ReadonlySet<string>;
  /** Jobs that never return. */
  readonly deleted: ReadonlySet<string>;
}

/** A list about which nothing is known. */
export function emptyList(limit: number): JobList {
  return { limit, jobs: [], absent: new Set(), deleted: new Set() };
}

/** Whether a job of the list has not ended. */
export function isRunning({ jobs }: JobList): boolean {
  return jobs.some(({ status, endTime }) => !isTerminal(status, endTime));
}

/** The list after the events of some jobs. Repeated and late ones change nothing. */
export function withEvents(list: JobList, events: readonly Event[]): JobList {
  const rows = new Map(list.jobs.map((job) => [job.jobId, job]));
  const heard = new Set<string>();
  for (const event of events) {
    const known = rows.get(event.jobId);
    if (list.deleted.has(event.jobId) || (known !== undefined && known.sequence >= event.sequence)) continue;
    rows.set(event.jobId, withoutTexts(event));
    heard.add(event.jobId);
  }
  if (heard.size === 0) return list;
  const jobs = [...rows.values()].sort(newestFirst).slice(0, list.limit);
  const absent = jobs.map(({ jobId }) => jobId).filter((jobId) => list.absent.has(jobId) && !heard.has(jobId));
  return { ...list, jobs, absent: new Set(absent) };
}

/**
 * The list after a read. A job that two reads in a row did not contain leaves the list; after one read it stays, because
 * the index that is read may be behind the log for a moment.
 */
export function withRead(list: JobList, { items, hasMore }: ListRead): JobList {
  const found = new Set(items.map(({ jobId }) => jobId));
  const last = items.at(-1);
  const isCovered = (job: Event): boolean => !hasMore || (last !== undefined && newestFirst(job, last) < 0);
  const missing = list.jobs.filter((job) => !found.has(job.jobId) && isCovered(job)).map(({ jobId }) => jobId);
  const gone = new Set(missing.filter((jobId) => list.absent.has(jobId)));
  const left: JobList = {
    ...list,
    jobs: gone.size === 0 ? list.jobs : list.jobs.filter(({ jobId }) => !gone.has(jobId)),
    absent: new Set(missing.filter((jobId) => !gone.has(jobId))),
  };
  return withEvents(left, items);
}

/** The list after this client has deleted a job. */
export function withoutJob(list: JobList, deletedId: string): JobList {
  return {
    ...list,
    jobs: list.jobs.filter(({ jobId }) => jobId !== deletedId),
    absent: new Set([...list.absent].filter((jobId) => jobId !== deletedId)),
    deleted: new Set([...list.deleted, deletedId]),
  };
}

function withoutTexts(event: Event): Event {
  const nothing = { delta: null, outputKept: null, result: null, resultOmitted: false, resultIsOutput: false };
  return Object.freeze({ ...event, ...nothing });
}

function newestFirst(one: Event, other: Event): number {
  const later = timeOf(other) - timeOf(one);
  if (later !== 0) return later;
  return one.jobId < other.jobId ? 1 : one.jobId > other.jobId ? -1 : 0;
}

function timeOf({ createdAt }: Event): number {
  return createdAt === null ? 0 : Date.parse(createdAt);
}
