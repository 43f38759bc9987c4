import type { Client, Views } from "../client.ts";
import { Listener } from "../listener.ts";
import { type Event, parseEvent } from "../model.ts";
import { selection } from "../shapes.ts";
import { Pauses } from "../timing.ts";
import type { WatchParts } from "../watch.ts";
import { emptyList, isRunning, type JobList, type ListRead, withEvents, withoutJob, withRead } from "./job-list.ts";

const PAGE = 100; // jobs in one answer, the API's maximum
const ABSENCE = 1_000; // milliseconds until the next read while a job of the list was not found
const IDLE = 30_000; // milliseconds until the next read while every job has ended

const FIELDS = selection("Event").replace(/\b(delta|outputKept|result|resultIsOutput|resultOmitted) /g, "");
/** What a list of jobs shows. Texts are left out: each 5 KB of a push count as a message. */
export const MINE: string = `subscription onMyInferences { onMyInferences { ${FIELDS} } }`;

/**
 * Follows the list of the caller's jobs: subscribes, waits for `start_ack`, reads the list, and merges pushes and reads.
 * The list is read again from time to time, because nobody can notice that a push to it was lost.
 */
export class ListWatch {
  readonly listener: Listener;
  readonly #client: Client;
  readonly #parts: WatchParts;
  readonly #pauses: Pauses;
  #list: JobList;
  #readAt: number | null = null; // null: read as soon as possible
  #pausedUntil = 0;
  #isKnown = false; // the list was read once

  constructor(client: Client, limit: number, parts: WatchParts) {
    this.listener = new Listener(MINE, {}, parts);
    this.#client = client;
    this.#parts = parts;
    this.#pauses = new Pauses(parts.timing, parts.environment);
    this.#list = emptyList(limit);
  }

  /**
   * The jobs of the list after the first read, and again whenever they have changed, without end.
   *
   * @throws LongcallError - As for a watch of one job.
   */
  async *lists(): Views<readonly Event[]> {
    const listener = this.listener;
    let shown: readonly Event[] | null = null;
    try {
      if (!(await listener.start())) return;
      while (listener.isOpen()) {
        if (this.#now() >= this.#nextRead()) await this.#read();
        else await this.#hear();
        if (!this.#isKnown || this.#list.jobs === shown) continue;
        shown = this.#list.jobs;
        yield shown;
      }
    } finally {
      await listener.end();
    }
  }

  /** When to read the list if nothing is received before. A time in the past means now. */
  #nextRead(): number {
    if (this.#readAt === null) return this.#pausedUntil;
    const { silence } = this.#parts.timing;
    const wait = this.#list.absent.size > 0 ? ABSENCE : isRunning(this.#list) ? silence : IDLE;
    return Math.max(this.#readAt + wait, this.#pausedUntil);
  }

  async #read(): Promise<void> {
    let read: ListRead;
    try {
      read = await this.#newest();
    } catch (error) {
      this.#tolerate(error);
      this.#pausedUntil = this.#now() + this.#pauses.next();
      return;
    }
    this.listener.read();
    this.#pauses.reset();
    this.#readAt = this.#now();
    this.#isKnown = true;
    this.#list = withRead(this.#list, read);
  }

  async #newest(): Promise<ListRead> {
    const { limit } = this.#list;
    const items: Event[] = [];
    for (let nextToken: string | null = null; ; ) {
      const wanted: number = Math.min(limit - items.length, PAGE);
      const page = await this.#client.list({ limit: wanted, ...(nextToken !== null && { nextToken }) });
      items.push(...page.jobs);
      nextToken = page.nextToken;
      if (nextToken === null || items.length >= limit) return { items, hasMore: nextToken !== null };
    }
  }

  async #hear(): Promise<void> {
    const letter = await this.listener.next(this.#nextRead());
    switch (letter?.type) {
      case "pushed":
        return this.#pushed(letter.fields);
      case "deleted":
        this.#list = withoutJob(this.#list, letter.jobId);
        return;
      case "failed":
        this.#tolerate(letter.error);
        this.listener.report("lost");
        return;
      case "woken":
        this.#pauses.reset();
        this.#pausedUntil = 0;
        this.#readAt = null;
        return;
      case "acknowledged":
        this.#readAt = null;
    }
  }

  #pushed(fields: unknown): void {
    try {
      this.#list = withEvents(this.#list, [parseEvent(fields)]);
    } catch {
      this.#readAt = null; // the push has errors or is incomplete: read the list instead
    }
  }

  /** Continues in spite of an error that may pass; throws any other one. */
  #tolerate(error: unknown): void {
    if (!this.listener.survives(error) || !this.#isKnown) throw error;
  }

  #now(): number {
    return this.#parts.environment.now();
  }
}
