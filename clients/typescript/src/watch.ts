import { WATCH } from "./documents.ts";
import type { Environment } from "./environment.ts";
import {
  ClientClosed,
  JobNotFound,
  mismatch,
  NotAuthorized,
  RequestRejected,
  Throttled,
  Unreachable,
} from "./errors.ts";
import { Mailbox } from "./mailbox.ts";
import { type Event, parseEvent, type Snapshot } from "./model.ts";
import type { Objects } from "./objects.ts";
import { readEvents, readSnapshot } from "./reading.ts";
import type { Emitted, Listening } from "./realtime.ts";
import type { Requests } from "./requests.ts";
import { Stop } from "./stop.ts";
import { Pauses, sleep, type Timing } from "./timing.ts";
import { emptyView, hasEnded, holdEvent, holdSnapshot, isFinal, type JobView, missing, step } from "./view.ts";

const FAULTS = 5; // a running watch fails when this many reads in a row fail because of a fault of the API
const REFUSALS = 3; // a running watch fails when the API refuses its token this often in a row, fresh ones included

/** A gap in the pushes that a read of the log closed. */
export interface Heal {
  readonly jobId: string;
  /** How many events were missing when the gap was noticed. */
  readonly events: number;
  /** From then until the events were shown. */
  readonly milliseconds: number;
}

/** How events of a watched job arrived: as a push, or as a page of its log. An empty page is the end of the log. */
export type OnArrival = (via: "push" | "log", events: readonly Event[]) => void;

/** Whether pushes arrive. While the link is lost, the client reconnects, and reads the log from time to time. */
export type Link = "live" | "lost";

/** What a watch works with. */
export interface WatchParts {
  readonly requests: Requests;
  readonly objects: Objects;
  readonly realtime: Listening;
  readonly timing: Timing;
  readonly environment: Environment;
  readonly onLink?: (link: Link) => void;
  readonly onHeal?: (heal: Heal) => void;
}

type Letter = Emitted | { readonly type: "failed"; readonly error: unknown } | { readonly type: "woken" };
type Update = { readonly event: Event } | { readonly snapshot: Snapshot };

interface Gap {
  readonly start: number; // sequence of the last event before the gap
  readonly events: number;
  readonly noticedAt: number;
  readonly readAt: number | null;
}

/**
 * Follows one job to its end: subscribes, waits for `start_ack`, reads the log, and merges pushes and log by sequence.
 * The log is read again whenever an event may be missing, because a push may be lost, delayed or repeated.
 */
export class Watch {
  #view: JobView;
  readonly #parts: WatchParts;
  readonly #onArrival: OnArrival | undefined;
  readonly #letters: Mailbox<Letter>;
  readonly #ending: Stop = new Stop();
  readonly #pauses: Pauses; // between reads
  readonly #waits: Pauses; // between subscriptions
  #wait: Stop = new Stop();
  #isClosed = false;
  #isReading = false; // the log may have more events: read pages until one is empty
  #heardAt: number; // last event of the job, or last read of its log
  #gap: Gap | null = null;
  #pausedUntil = 0;
  #refusals = 0;
  #faults = 0;
  #link: Link | null = null;

  constructor(jobId: string, parts: WatchParts, onArrival: OnArrival | undefined) {
    this.#view = emptyView(jobId);
    this.#parts = parts;
    this.#onArrival = onArrival;
    this.#letters = new Mailbox(parts.environment);
    this.#pauses = new Pauses(parts.timing, parts.environment);
    this.#waits = new Pauses(parts.timing, parts.environment);
    this.#heardAt = parts.environment.now();
  }

  /** Subscribes again and reads the log at once, because the page was asleep. */
  wake(): void {
    this.#pauses.reset();
    this.#waits.reset();
    this.#wait.stop();
    this.#letters.put({ type: "woken" });
  }

  /** Ends the iteration of `views` with `ClientClosed`. */
  close(): void {
    this.#isClosed = true;
    this.#end();
    this.#letters.put({ type: "failed", error: new ClientClosed() });
  }

  /** Ends the iteration of `views`. The job continues. */
  detach(): void {
    this.#end();
    this.#letters.put({ type: "woken" });
  }

  /**
   * One view for each event of the log, in order, up to the terminal event.
   *
   * @param begin - Starts the job; called once the job is subscribed to. Null for a job that was started before.
   * @throws JobNotFound - The caller has no such job.
   * @throws Unreachable - There is no connection at the beginning, or for longer than `timing.giveUp`.
   * @throws NotAuthorized - The API refuses the caller's tokens.
   * @throws SubscriptionRejected - The API refuses the subscription.
   * @throws ClientClosed - The client was closed.
   */
  async *views(begin: (() => Promise<Event>) | null): AsyncGenerator<JobView, void, undefined> {
    const listening = this.#listen();
    try {
      await this.#subscribed();
      if (this.#ending.isStopped) return this.#checkOpen();
      if (begin === null) {
        this.#isReading = true;
      } else {
        const first = await begin();
        this.#contact();
        yield* this.#take([{ event: first }]);
        this.#isReading = missing(this.#view) > 0; // a repeated start may answer with a later event
      }
      while (!isFinal(this.#view)) {
        if (this.#ending.isStopped) return this.#checkOpen();
        const isDue = this.#now() >= this.#nextRead();
        const updates = isDue ? await this.#read() : await this.#hear();
        if (updates === null) continue;
        const events = updates.map((update) => ("event" in update ? update.event : update.snapshot.event));
        this.#onArrival?.(isDue ? "log" : "push", events);
        yield* this.#take(updates);
      }
    } finally {
      this.#end();
      await listening;
    }
  }

  /** Subscribes again and again. Every error is a letter to `views`, which decides about it. */
  async #listen(): Promise<void> {
    const { realtime, environment } = this.#parts;
    while (!this.#ending.isStopped) {
      const wait = new Stop();
      this.#wait = wait;
      let error: unknown = new Unreachable("the server ended the subscription");
      try {
        const emit = (event: Emitted): void => {
          if (event.type === "acknowledged") this.#waits.reset();
          this.#letters.put(event);
        };
        await realtime.listen(WATCH, { jobId: this.#view.jobId }, emit, this.#ending);
      } catch (thrown) {
        error = thrown;
      }
      if (this.#ending.isStopped) return;
      this.#letters.put({ type: "failed", error });
      await sleep(this.#waits.next(), wait, environment);
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

  /** When to read the log if nothing is received before. A time in the past means now. */
  #nextRead(): number {
    if (this.#isReading || this.#needsResult) return this.#pausedUntil;
    const { silence, gap } = this.#parts.timing;
    const due = this.#heardAt + silence;
    const gapDue = this.#gap === null ? due : (this.#gap.readAt ?? this.#gap.noticedAt) + gap;
    return Math.max(Math.min(due, gapDue), this.#pausedUntil);
  }

  get #needsResult(): boolean {
    return hasEnded(this.#view) && this.#view.resultOmitted;
  }

  /** The log after the last event; null if it could not be read. */
  async #read(): Promise<Update[] | null> {
    const { requests, objects } = this.#parts;
    const { jobId, sequence } = this.#view;
    let found: Update[];
    try {
      found = this.#needsResult
        ? [{ snapshot: await readSnapshot(requests, objects, jobId) }]
        : (await readEvents(requests, jobId, sequence)).map((event) => ({ event }));
    } catch (error) {
      this.#tolerate(error);
      this.#pausedUntil = this.#now() + this.#pauses.next();
      return null;
    }
    if (found.length === 0 && sequence === 0) throw new JobNotFound(jobId);
    this.#contact();
    this.#faults = 0;
    this.#pauses.reset();
    this.#isReading = found.length > 0 && (this.#isReading || this.#gap === null);
    if (this.#gap !== null) this.#gap = { ...this.#gap, readAt: this.#now() };
    return found;
  }

  /** The next push; null if something else happens before, or the log is due to be read. */
  async #hear(): Promise<Update[] | null> {
    return this.#open(await this.#letters.next(this.#nextRead()));
  }

  #open(letter: Letter | undefined): Update[] | null {
    switch (letter?.type) {
      case "acknowledged":
        this.#refusals = 0;
        this.#contact();
        this.#report("live");
        this.#isReading = true;
        return null;
      case "pushed":
        this.#contact();
        return this.#pushed(letter.fields);
      case "failed":
        this.#tolerate(letter.error);
        this.#report("lost");
        return null;
      case "woken":
        this.#isReading = true;
        this.#pausedUntil = 0;
        return null;
      default:
        return null;
    }
  }

  #pushed(fields: unknown): Update[] | null {
    try {
      const event = parseEvent(fields);
      return event.jobId === this.#view.jobId ? [{ event }] : null;
    } catch {
      this.#isReading = true; // the push has errors or is incomplete: read the log instead
      return null;
    }
  }

  /** Merges the updates: one view for each event that is next in order, once its result is read. */
  *#take(updates: readonly Update[]): Generator<JobView, void, undefined> {
    for (const update of updates) {
      const heldBack = this.#needsResult;
      this.#view = "event" in update ? holdEvent(this.#view, update.event) : holdSnapshot(this.#view, update.snapshot);
      if (heldBack && !this.#needsResult) yield this.#view;
      else if (heldBack && "snapshot" in update) {
        throw mismatch("the result of the job");
      }
      for (let next = step(this.#view); next !== null; next = step(this.#view)) {
        this.#view = next;
        if (!this.#needsResult) yield next;
      }
    }
    this.#lookForGap();
  }

  #lookForGap(): void {
    const { sequence: start, jobId } = this.#view;
    const gap = this.#gap;
    if (gap !== null && gap.start !== start) {
      this.#gap = null;
      if (gap.readAt !== null) {
        this.#parts.onHeal?.({ jobId, events: gap.events, milliseconds: this.#now() - gap.noticedAt });
      }
    }
    const events = missing(this.#view);
    if (this.#gap === null && events > 0) this.#gap = { start, events, noticedAt: this.#now(), readAt: null };
  }

  /** Continues in spite of an error that may pass; throws any other one. */
  #tolerate(error: unknown): void {
    let mayPass = false;
    if (error instanceof RequestRejected && error.isFault) {
      this.#faults += 1;
      mayPass = this.#faults < FAULTS;
    } else if (error instanceof Unreachable || (error instanceof RequestRejected && error.isTransient)) {
      mayPass = this.#now() - this.#heardAt <= this.#parts.timing.giveUp;
    } else if (error instanceof NotAuthorized) {
      this.#refusals += 1;
      mayPass = this.#refusals < REFUSALS;
    }
    if (!mayPass || this.#view.sequence === 0) throw error;
  }

  #end(): void {
    this.#ending.stop();
    this.#wait.stop();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new ClientClosed();
  }

  #contact(): void {
    this.#heardAt = this.#now();
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
