import type { Client, Event } from "longcall";

const PAGE = 100; // jobs in one answer, the API's maximum
const LINGER = 2_000; // milliseconds without a listener after which the live list ends

/** The newest jobs, live: one list after each change. */
export type Follow = (limit: number, signal: AbortSignal) => AsyncIterable<readonly Event[]>;

/** The caller's jobs as far as they were read, newest first. A new object after every change. */
export interface Listed {
  readonly jobs: readonly Event[];
  /** Whether there are older jobs that were not read. */
  readonly hasMore: boolean;
  readonly isReading: boolean;
  /** Whether the newest jobs were read. */
  readonly isKnown: boolean;
  /** Why the live list or a reading ended; null if it did not. */
  readonly error: unknown;
}

/**
 * The caller's jobs. The newest are followed live while somebody listens; older ones are read page by page. What the page
 * learns otherwise is merged by sequence.
 */
export class JobList {
  readonly #client: Client;
  readonly #follow: Follow;
  readonly #listeners = new Set<() => void>();
  readonly #rows = new Map<string, Event>();
  readonly #deleted = new Set<string>();
  #newest: readonly Event[] = []; // of the live list
  #nextToken: string | null | undefined; // undefined: no page was read
  #live: AbortController | null = null;
  #lingering: ReturnType<typeof setTimeout> | undefined;
  #listed: Listed = { jobs: [], hasMore: false, isReading: false, isKnown: false, error: null };

  constructor(client: Client, follow: Follow) {
    this.#client = client;
    this.#follow = follow;
  }

  /** Follows the newest jobs with the first listener. That ends a moment after the last one has left. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    clearTimeout(this.#lingering);
    if (this.#live === null && this.#listed.error === null) void this.#run();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#lingering = setTimeout(() => this.stop(), LINGER);
    };
  };

  readonly getSnapshot = (): Listed => this.#listed;

  /** Follows the list again after an error. */
  readonly retry = (): void => {
    this.#change({ error: null });
    if (this.#live === null) void this.#run();
  };

  /** Ends the live list. */
  stop(): void {
    this.#live?.abort();
    this.#live = null;
  }

  /** Reads the page after the oldest job that is known. */
  readonly readMore = async (): Promise<void> => {
    if (this.#listed.isReading || this.#nextToken === null) return;
    this.#change({ isReading: true });
    try {
      const nextToken = this.#nextToken;
      const page = await this.#client.list({ limit: PAGE, ...(nextToken !== undefined && { nextToken }) });
      for (const job of page.jobs) this.#takes(job);
      this.#nextToken = page.nextToken;
      this.#change({ isReading: false });
    } catch (error) {
      this.#change({ isReading: false, error });
    }
  };

  /** Takes a newer state of a job that the page has learned. */
  merge(event: Event): void {
    if (this.#takes(event)) this.#change({});
  }

  /** Removes a job that this page has deleted. */
  remove(jobId: string): void {
    this.#deleted.add(jobId);
    this.#rows.delete(jobId);
    this.#change({});
  }

  async #run(): Promise<void> {
    const live = new AbortController();
    this.#live = live;
    try {
      for await (const newest of this.#follow(PAGE, live.signal)) {
        if (live.signal.aborted) return;
        // What was among the newest and is not any more was deleted, or is older than the others now.
        const oldest = newest.length < PAGE ? "" : (newest.at(-1)?.createdAt ?? "");
        const present = new Set(newest.map(({ jobId }) => jobId));
        for (const { jobId, createdAt } of this.#newest) {
          if (!present.has(jobId) && (createdAt ?? "") > oldest) this.#rows.delete(jobId);
        }
        for (const job of newest) this.#takes(job);
        this.#newest = newest;
        if (newest.length < PAGE) this.#nextToken = null;
        this.#change({ isKnown: true });
      }
    } catch (error) {
      if (this.#live !== live) return;
      this.#live = null;
      this.#change({ error });
    }
  }

  #takes(event: Event): boolean {
    if (this.#deleted.has(event.jobId)) return false;
    const known = this.#rows.get(event.jobId);
    if (known !== undefined && known.sequence >= event.sequence) return false;
    this.#rows.set(event.jobId, event);
    return true;
  }

  #change(change: Partial<Listed>): void {
    const jobs = [...this.#rows.values()].sort(newestFirst);
    this.#listed = { ...this.#listed, jobs, hasMore: this.#nextToken !== null, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function newestFirst(one: Event, other: Event): number {
  const [a, b] = [one.createdAt ?? "", other.createdAt ?? ""];
  if (a !== b) return a < b ? 1 : -1;
  return one.jobId < other.jobId ? 1 : -1;
}
