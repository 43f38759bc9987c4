import type { Client, Event } from "longcall";

const PAGE = 100; // jobs in one answer, the API's maximum

/** The caller's jobs as far as they were read, newest first. A new object after every change. */
export interface Listed {
  readonly jobs: readonly Event[];
  /** Whether there are older jobs that were not read. */
  readonly hasMore: boolean;
  readonly isReading: boolean;
  /** Whether a first page was read. */
  readonly isKnown: boolean;
  /** Why the last reading failed; null if it did not. */
  readonly error: unknown;
}

/** The caller's jobs. Read page by page, and merged by sequence with what the page learns otherwise. */
export class JobList {
  readonly #client: Client;
  readonly #listeners = new Set<() => void>();
  readonly #rows = new Map<string, Event>();
  readonly #deleted = new Set<string>();
  #nextToken: string | null = null;
  #listed: Listed = { jobs: [], hasMore: false, isReading: false, isKnown: false, error: null };

  constructor(client: Client) {
    this.#client = client;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly getSnapshot = (): Listed => this.#listed;

  /** Reads the newest jobs again. */
  readonly refresh = (): Promise<void> => this.#read(undefined);

  /** Reads the page after the oldest job that is known. */
  readonly readMore = async (): Promise<void> => {
    if (this.#nextToken !== null) await this.#read(this.#nextToken);
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

  async #read(nextToken: string | undefined): Promise<void> {
    if (this.#listed.isReading) return;
    this.#change({ isReading: true });
    try {
      const page = await this.#client.list({ limit: PAGE, ...(nextToken !== undefined && { nextToken }) });
      const isFirst = nextToken === undefined;
      if (isFirst) this.#forgetAbsent(page.jobs, page.nextToken !== null);
      for (const job of page.jobs) this.#takes(job);
      if (!isFirst || this.#nextToken === null || !this.#listed.isKnown) this.#nextToken = page.nextToken;
      this.#change({ isReading: false, isKnown: true, error: null });
    } catch (error) {
      this.#change({ isReading: false, error });
    }
  }

  /** Drops jobs that a reading of the newest ones should have returned and did not: they are deleted or expired. */
  #forgetAbsent(read: readonly Event[], hasMore: boolean): void {
    const oldest = hasMore ? (read.at(-1)?.createdAt ?? "") : "";
    const present = new Set(read.map(({ jobId }) => jobId));
    for (const { jobId, createdAt } of this.#rows.values()) {
      if (!present.has(jobId) && (createdAt ?? "") > oldest && this.#listed.isKnown) this.#rows.delete(jobId);
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
