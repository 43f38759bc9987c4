import type { Client } from "../client.ts";
import { JobNotFound } from "../errors.ts";
import type { JobView } from "../view.ts";
import { type Chunk, chunksOf } from "./chunks.ts";

type Views = AsyncGenerator<JobView, void, undefined>;

/** Turns the views of one job into a stream of chunks, and cancels the job when its chat is stopped. */
export class Follower {
  readonly #client: Client;
  readonly #stopped: AbortSignal | undefined;
  readonly #mayCancel: () => boolean;
  readonly #onCancelFailed: (error: unknown, jobId: string) => void;

  /**
   * @param stopped - Aborted when the chat is stopped.
   * @param mayCancel - Whether the job is cancelled then. It is asked after everything that runs together with the stop.
   * @param onCancelFailed - Called when the job could not be cancelled.
   */
  constructor(
    client: Client,
    stopped: AbortSignal | undefined,
    mayCancel: () => boolean,
    onCancelFailed: (error: unknown, jobId: string) => void,
  ) {
    this.#client = client;
    this.#stopped = stopped;
    this.#mayCancel = mayCancel;
    this.#onCancelFailed = onCancelFailed;
  }

  /**
   * The chunks of a job. Cancelling the stream only detaches from the job.
   *
   * @param open - Begins to follow the job, until the signal is aborted. It may start the job before its first view.
   */
  follow(jobId: string, open: (signal: AbortSignal) => Views): ReadableStream<Chunk> {
    const detaching = new AbortController();
    const opening = new Opening(open(detaching.signal));
    const stop = (): void => {
      detaching.abort();
      queueMicrotask(() => {
        if (this.#mayCancel()) void this.#cancel(jobId, opening.decided);
      });
    };
    const chunks = chunksOf(opening.views(() => this.#stopped?.removeEventListener("abort", stop)));
    this.#stopped?.addEventListener("abort", stop);
    if (this.#stopped?.aborted) stop();
    let first: Promise<IteratorResult<Chunk, void>> | null = chunks.next(); // begins at once, also without a reader
    first.catch(() => undefined);
    return new ReadableStream({
      async pull(controller) {
        const { done, value } = await (first ?? chunks.next());
        first = null;
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        detaching.abort();
        await chunks.return();
      },
    });
  }

  async #cancel(jobId: string, decided: Promise<void>): Promise<void> {
    await decided;
    try {
      await this.#client.cancel(jobId);
    } catch (error) {
      if (!(error instanceof JobNotFound)) this.#onCancelFailed(error, jobId); // JobNotFound: it was never started
    }
  }
}

/** The views of a job, and the moment from which it is known whether the job was started. */
class Opening {
  readonly decided: Promise<void>;
  readonly #views: Views;
  #decide: () => void = () => undefined;

  constructor(views: Views) {
    this.#views = views;
    this.decided = new Promise((resolve) => {
      this.#decide = resolve;
    });
  }

  async *views(ended: () => void): Views {
    try {
      for await (const view of this.#views) {
        this.#decide();
        yield view;
      }
    } finally {
      this.#decide();
      ended();
    }
  }
}
