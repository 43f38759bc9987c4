import { LIST } from "../documents.ts";
import type { Environment } from "../environment.ts";
import { mismatch, NotAuthorized, RequestRejected, Throttled, Unreachable } from "../errors.ts";
import { isObject } from "../faults.ts";
import { Mailbox } from "../mailbox.ts";
import { type Event, isTerminal, parseEvent } from "../model.ts";
import type { Emitted, Realtime } from "../realtime.ts";
import type { Requests } from "../requests.ts";
import { selection } from "../shapes.ts";
import { Stop } from "../stop.ts";
import { Pauses, sleep, type Timing } from "../timing.ts";
import type { Link } from "../watch.ts";
import { emptyList, type JobList, type ListRead, mergeEvent, mergeRead } from "./list.ts";

const TEXTS = /\b(delta|outputKept|result|resultIsOutput|resultOmitted) /g; // fields that a list does not have
const MINE = `subscription onMyInferences { onMyInferences { ${selection("Event").replace(TEXTS, "")} } }`;
const PAGE = 100; // jobs in one answer, the API's maximum
const ABSENCE = 1_000; // milliseconds after a read that did not have a job of the list, until the next read
const IDLE = 30_000; // milliseconds between two reads of a list whose jobs have all ended
const REFUSALS = 3; // fails when the API refuses its token this often in a row, fresh ones included
const FAULTS = 5; // fails when this many reads in a row fail because of a fault of the API

type Letter = Emitted | { readonly type: "failed"; readonly error: unknown } | { readonly type: "stopped" };

/** What a watch of the list works with. */
export interface ListWatchParts {
  readonly requests: Requests;
  readonly realtime: Realtime;
  readonly timing: Timing;
  readonly environment: Environment;
  readonly onLink: ((link: Link) => void) | undefined;
}

/**
 * Follows the list of the caller's jobs: subscribes, reads it after each `start_ack`, and merges pushes and reads. The
 * list is read again from time to time, because the loss of a push cannot be noticed.
 */
export class ListWatch {
  #list: JobList;
  readonly #parts: ListWatchParts;
  readonly #letters: Mailbox<Letter>;
  readonly #ending: Stop = new Stop();
  readonly #pauses: Pauses;
  #readAt: number | null = null; // null: read as soon as possible
  #pausedUntil = 0;
  #isKnown = false; // the list was read once
  #refusals = 0;
  #faults = 0;
  #link: Link | null = null;

  constructor(limit: number, parts: ListWatchParts) {
    this.#list = emptyList(limit);
    this.#parts = parts;
    this.#letters = new Mailbox(parts.environment);
    this.#pauses = new Pauses(parts.timing, parts.environment);
  }

  /** Ends the iteration of `lists`. */
  stop(): void {
    this.#ending.stop();
    this.#letters.put({ type: "stopped" });
  }

  /**
   * The list after the first read, and again after each change, without end.
   *
   * @throws Unreachable - There is no connection at the beginning.
   * @throws NotAuthorized - The API refuses the caller's tokens.
   * @throws SubscriptionRejected - The API refuses the subscription.
   */
  async *lists(): AsyncGenerator<JobList, void, undefined> {
    const listening = this.#listen();
    let shown: readonly Event[] | null = null;
    try {
      await this.#subscribed();
      while (!this.#ending.isStopped) {
        if (this.#now() >= this.#nextRead()) await this.#read();
        else await this.#hear();
        if (this.#isKnown && !isSame(this.#list.jobs, shown)) {
          shown = this.#list.jobs;
          yield this.#list;
        }
      }
    } finally {
      this.#ending.stop();
      await listening;
    }
  }

  /** Subscribes again and again. Every error is a letter to `lists`, which decides about it. */
  async #listen(): Promise<void> {
    const { realtime, timing, environment } = this.#parts;
    const waits = new Pauses(timing, environment);
    const emit = (event: Emitted): void => {
      if (event.type === "acknowledged") waits.reset();
      this.#letters.put(event);
    };
    while (!this.#ending.isStopped) {
      let error: unknown = new Unreachable("the server ended the subscription");
      try {
        await realtime.listen(MINE, {}, emit, this.#ending);
      } catch (thrown) {
        error = thrown;
      }
      if (this.#ending.isStopped) return;
      this.#letters.put({ type: "failed", error });
      await sleep(waits.next(), this.#ending, environment);
    }
  }

  async #subscribed(): Promise<void> {
    const beganAt = this.#now();
    while (!this.#ending.isStopped) {
      const letter = await this.#letters.next();
      if (letter?.type === "acknowledged") return this.#report("live");
      if (letter?.type !== "failed") continue;
      const mayPass = letter.error instanceof Throttled && this.#now() - beganAt < this.#parts.timing.throttled;
      if (!mayPass) throw letter.error;
    }
  }

  /** When to read the list if nothing is received before. A time in the past means now. */
  #nextRead(): number {
    if (this.#readAt === null) return this.#pausedUntil;
    const { jobs, absent } = this.#list;
    const isRunning = jobs.some(({ status, endTime }) => !isTerminal(status, endTime));
    const wait = absent.size > 0 ? ABSENCE : isRunning ? this.#parts.timing.silence : IDLE;
    return Math.max(this.#readAt + wait, this.#pausedUntil);
  }

  async #read(): Promise<void> {
    let read: ListRead;
    try {
      read = await readNewest(this.#parts.requests, this.#list.limit);
    } catch (error) {
      this.#tolerate(error);
      this.#pausedUntil = this.#now() + this.#pauses.next();
      return;
    }
    this.#pauses.reset();
    this.#faults = 0;
    this.#readAt = this.#now();
    this.#isKnown = true;
    this.#list = mergeRead(this.#list, read);
  }

  async #hear(): Promise<void> {
    const letter = await this.#letters.next(this.#nextRead());
    switch (letter?.type) {
      case "acknowledged":
        this.#refusals = 0;
        this.#report("live");
        this.#readAt = null;
        return;
      case "pushed":
        return this.#pushed(letter.fields);
      case "failed":
        this.#tolerate(letter.error);
        return this.#report("lost");
      default:
        return;
    }
  }

  #pushed(fields: unknown): void {
    try {
      this.#list = mergeEvent(this.#list, parseEvent(fields));
    } catch {
      this.#readAt = null; // the push has errors or is incomplete: read the list instead
    }
  }

  /** Continues in spite of an error that may pass; throws any other one. */
  #tolerate(error: unknown): void {
    let mayPass = error instanceof Unreachable || (error instanceof RequestRejected && error.isTransient);
    if (error instanceof RequestRejected && error.isFault) mayPass = ++this.#faults < FAULTS;
    if (error instanceof NotAuthorized) mayPass = ++this.#refusals < REFUSALS;
    if (!mayPass || !this.#isKnown) throw error;
  }

  #report(link: Link): void {
    if (link === this.#link) return;
    this.#link = link;
    this.#parts.onLink?.(link);
  }

  #now(): number {
    return this.#parts.environment.now();
  }
}

/** The newest jobs, from as many pages as are needed. */
async function readNewest(requests: Requests, limit: number): Promise<ListRead> {
  const items: Event[] = [];
  let nextToken: string | null = null;
  do {
    const asked = Math.min(PAGE, limit - items.length);
    const { listInferences: page } = await requests.execute(LIST, { limit: asked, ...(nextToken && { nextToken }) });
    if (!isObject(page) || !Array.isArray(page.items)) throw mismatch("a list of jobs");
    items.push(...page.items.map(parseEvent));
    nextToken = typeof page.nextToken === "string" ? page.nextToken : null;
  } while (nextToken !== null && items.length < limit);
  return { items, hasMore: nextToken !== null };
}

function isSame(jobs: readonly Event[], others: readonly Event[] | null): boolean {
  return (
    jobs.length === others?.length &&
    jobs.every(({ jobId, sequence }, index) => jobId === others[index]?.jobId && sequence === others[index]?.sequence)
  );
}
