import { WATCH } from "./documents.ts";
import type { Environment } from "./environment.ts";
import { JobNotFound, mismatch } from "./errors.ts";
import { Listener } from "./listener.ts";
import { type Event, parseEvent, type Snapshot } from "./model.ts";
import type { Objects } from "./objects.ts";
import { readEvents, readSnapshot } from "./reading.ts";
import type { Listening } from "./realtime.ts";
import type { Requests } from "./requests.ts";
import { Pauses, type Timing } from "./timing.ts";
import { emptyView, hasEnded, holdEvent, holdSnapshot, isFinal, type JobView, missing, step } from "./view.ts";

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
  readonly listener: Listener;
  readonly #pauses: Pauses;
  #isReading = false; // the log may have more events: read pages until one is empty
  #gap: Gap | null = null;
  #pausedUntil = 0;

  constructor(jobId: string, parts: WatchParts, onArrival: OnArrival | undefined) {
    this.#view = emptyView(jobId);
    this.#parts = parts;
    this.#onArrival = onArrival;
    this.listener = new Listener(WATCH, { jobId }, parts);
    this.#pauses = new Pauses(parts.timing, parts.environment);
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
    const listener = this.listener;
    try {
      if (!(await listener.start())) return;
      if (begin === null) {
        this.#isReading = true;
      } else {
        const first = await begin();
        listener.contact();
        yield* this.#take([{ event: first }]);
        this.#isReading = missing(this.#view) > 0; // a repeated start may answer with a later event
      }
      while (!isFinal(this.#view) && listener.isOpen()) {
        const isDue = this.#now() >= this.#nextRead();
        const updates = isDue ? await this.#read() : await this.#hear();
        if (updates === null) continue;
        const events = updates.map((update) => ("event" in update ? update.event : update.snapshot.event));
        this.#onArrival?.(isDue ? "log" : "push", events);
        yield* this.#take(updates);
      }
    } finally {
      await listener.end();
    }
  }

  /** When to read the log if nothing is received before. A time in the past means now. */
  #nextRead(): number {
    if (this.#isReading || this.#needsResult) return this.#pausedUntil;
    const { silence, gap } = this.#parts.timing;
    const due = this.listener.heardAt + silence;
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
    this.listener.read();
    this.#pauses.reset();
    this.#isReading = found.length > 0 && (this.#isReading || this.#gap === null);
    if (this.#gap !== null) this.#gap = { ...this.#gap, readAt: this.#now() };
    return found;
  }

  /** The next push; null if something else happens before, or the log is due to be read. */
  async #hear(): Promise<Update[] | null> {
    const letter = await this.listener.next(this.#nextRead());
    switch (letter?.type) {
      case "pushed":
        return this.#pushed(letter.fields);
      case "failed":
        this.#tolerate(letter.error);
        this.listener.report("lost");
        return null;
      case "woken":
        this.#pauses.reset();
        this.#pausedUntil = 0;
        this.#isReading = true;
        return null;
      case "acknowledged":
        this.#isReading = true;
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
    if (!this.listener.survives(error) || this.#view.sequence === 0) throw error;
  }

  #now(): number {
    return this.#parts.environment.now();
  }
}
