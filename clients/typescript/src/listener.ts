import { ClientClosed, NotAuthorized, RequestRejected, Throttled, Unreachable } from "./errors.ts";
import { Mailbox } from "./mailbox.ts";
import type { Emitted } from "./realtime.ts";
import type { Variables } from "./requests.ts";
import { Stop } from "./stop.ts";
import { Pauses, sleep } from "./timing.ts";
import type { Link, WatchParts } from "./watch.ts";

const FAULTS = 5; // a running watch fails when this many reads in a row fail because of a fault of the API
const REFUSALS = 3; // a running watch fails when the API refuses its token this often in a row, fresh ones included

/**
 * What happens to a subscription. After `failed`, it is started again. `woken` says too that
 * it was ended, and `deleted` that this client has deleted a job.
 */
export type Letter =
  | Emitted
  | { readonly type: "failed"; readonly error: unknown }
  | { readonly type: "woken" }
  | { readonly type: "deleted"; readonly jobId: string };

/** Keeps one subscription: starts it again whenever it ends, and knows which errors a watch survives. */
export class Listener {
  heardAt: number; // last push, or last read
  readonly #query: string;
  readonly #variables: Variables;
  readonly #parts: WatchParts;
  readonly #letters: Mailbox<Letter>;
  readonly #ending: Stop = new Stop();
  readonly #waits: Pauses;
  #wait: Stop = new Stop();
  #listening: Promise<void> | undefined;
  #isClosed = false;
  #refusals = 0;
  #faults = 0;
  #link: Link | null = null;

  constructor(query: string, variables: Variables, parts: WatchParts) {
    this.#query = query;
    this.#variables = variables;
    this.#parts = parts;
    this.#letters = new Mailbox(parts.environment);
    this.#waits = new Pauses(parts.timing, parts.environment);
    this.heardAt = parts.environment.now();
  }

  /**
   * Subscribes, and waits for the first acknowledgement.
   *
   * @returns Whether the subscription is acknowledged; false if it was ended before.
   * @throws LongcallError - The subscription has failed.
   */
  async start(): Promise<boolean> {
    const { environment, timing } = this.#parts;
    const beganAt = environment.now();
    this.#listening = this.#listen();
    while (this.isOpen()) {
      const letter = await this.#letters.next();
      if (letter?.type === "acknowledged") {
        this.report("live");
        return this.isOpen();
      }
      if (letter?.type !== "failed") continue;
      const mayPass = letter.error instanceof Throttled && environment.now() - beganAt < timing.throttled;
      if (!mayPass) throw letter.error;
    }
    return false;
  }

  /**
   * Whether the watch goes on. False after `detach`.
   *
   * @throws ClientClosed - The client was closed.
   */
  isOpen(): boolean {
    if (this.#isClosed) throw new ClientClosed();
    return !this.#ending.isStopped;
  }

  /** What happens next; undefined if nothing happens until this time. */
  async next(until: number): Promise<Letter | undefined> {
    const letter = await this.#letters.next(until);
    if (letter?.type === "acknowledged") {
      this.#refusals = 0;
      this.report("live");
    }
    if (letter?.type === "acknowledged" || letter?.type === "pushed") this.contact();
    return letter;
  }

  /** Records that the API has answered. */
  contact(): void {
    this.heardAt = this.#parts.environment.now();
  }

  /** Records that a read has succeeded. */
  read(): void {
    this.contact();
    this.#faults = 0;
  }

  /** Whether a watch that has shown something goes on after an error, because it may pass. */
  survives(error: unknown): boolean {
    if (error instanceof RequestRejected && error.isFault) {
      this.#faults += 1;
      return this.#faults < FAULTS;
    }
    if (error instanceof Unreachable || (error instanceof RequestRejected && error.isTransient)) {
      return this.#parts.environment.now() - this.heardAt <= this.#parts.timing.giveUp;
    }
    if (!(error instanceof NotAuthorized)) return false;
    this.#refusals += 1;
    return this.#refusals < REFUSALS;
  }

  report(link: Link): void {
    if (link === this.#link) return;
    this.#link = link;
    this.#parts.onLink?.(link);
  }

  put(letter: Letter): void {
    this.#letters.put(letter);
  }

  /** Subscribes again at once if it waits for that. The next letter is `woken`. */
  wake(): void {
    this.#waits.reset();
    this.#wait.stop();
    this.put({ type: "woken" });
  }

  /** From now on, `isOpen` throws ClientClosed. */
  close(): void {
    this.#isClosed = true;
    this.detach();
  }

  /** From now on, `isOpen` is false. */
  detach(): void {
    this.#ending.stop();
    this.wake();
  }

  /** Unsubscribes, and waits until that is done. */
  async end(): Promise<void> {
    this.detach();
    await this.#listening;
  }

  async #listen(): Promise<void> {
    const { realtime, environment } = this.#parts;
    while (!this.#ending.isStopped) {
      const wait = new Stop();
      this.#wait = wait;
      let error: unknown = new Unreachable("the server ended the subscription");
      try {
        const emit = (event: Emitted): void => {
          if (event.type === "acknowledged") this.#waits.reset();
          this.put(event);
        };
        await realtime.listen(this.#query, this.#variables, emit, this.#ending);
      } catch (thrown) {
        error = thrown;
      }
      if (this.#ending.isStopped) return;
      this.put({ type: "failed", error });
      await sleep(this.#waits.next(), wait, environment);
    }
  }
}
