import { EVENTS, GET } from "./documents.ts";
import { JobNotFound, mismatch, RequestRejected } from "./errors.ts";
import { type Event, parseEvent, parseSnapshot, type Snapshot } from "./model.ts";
import type { Objects } from "./objects.ts";
import type { Requests } from "./requests.ts";

const PAGE = 1_000; // events in one answer, the API's maximum

/**
 * One page of a job's log: the events after a sequence. An empty page means that there are no more.
 *
 * @throws JobNotFound - The caller has no such job.
 */
export async function readEvents(requests: Requests, jobId: string, after: number): Promise<Event[]> {
  const data = await aboutJob(jobId, requests.execute(EVENTS, { jobId, after, limit: PAGE }));
  const entries = data.inferenceEvents;
  if (!Array.isArray(entries)) {
    throw mismatch("a log");
  }
  return entries.map(parseEvent);
}

/**
 * The job's present state, with its result, also when that is stored elsewhere.
 *
 * @throws JobNotFound - The caller has no such job.
 */
export async function readSnapshot(requests: Requests, objects: Objects, jobId: string): Promise<Snapshot> {
  const data = await requests.execute(GET, { jobId });
  if (data.getInference == null) throw new JobNotFound(jobId);
  const snapshot = parseSnapshot(data.getInference);
  if (snapshot.stored === null) return snapshot;
  const result = await objects.read(snapshot.stored);
  return { ...snapshot, event: { ...snapshot.event, result, resultOmitted: false } };
}

/** An answer about a job; the API's `JobNotFound` becomes the class with advice. */
export async function aboutJob<T>(jobId: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof RequestRejected && error.errorType === "JobNotFound" ? new JobNotFound(jobId) : error;
  }
}
