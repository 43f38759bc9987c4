import type { Environment } from "./environment.ts";
import { ClientClosed, RequestRejected, Throttled, Unreachable } from "./errors.ts";
import type { Json } from "./json.ts";
import { Stop } from "./stop.ts";
import { Pauses, sleep, type Timing } from "./timing.ts";

/** Variables of an operation. */
export type Variables = Readonly<Record<string, Json | undefined>>;

/**
 * Sends an operation once, and returns the `data` of its answer.
 *
 * @param stop - Stopping it ends the wait for the answer with `Unreachable`.
 */
export type Send = (query: string, variables: Variables, stop: Stop) => Promise<Record<string, unknown>>;

/**
 * Sends operations and returns their data.
 *
 * Every operation of this API can be repeated without harm, so a request is sent again when its answer is lost, when
 * something behind the API fails, and when the API is throttled.
 */
export class Requests {
  readonly #send: Send;
  readonly #timing: Timing;
  readonly #environment: Environment;
  #isClosed = false;
  #turn: Stop = new Stop();

  constructor(send: Send, timing: Timing, environment: Environment) {
    this.#send = send;
    this.#timing = timing;
    this.#environment = environment;
  }

  /** Sends everything again that has no answer yet: the old connections may be dead. */
  wake(): void {
    const turn = this.#turn;
    this.#turn = new Stop();
    turn.stop();
  }

  /** Ends all requests with `ClientClosed`. None can be sent afterwards. */
  close(): void {
    this.#isClosed = true;
    this.wake();
  }

  /**
   * Sends an operation until it is answered, as often as the timing allows.
   *
   * @returns The `data` of the answer.
   * @throws Unreachable - No answer arrived in any try.
   * @throws Throttled - The API was throttled for longer than the timing allows.
   * @throws NotAuthorized - The API refused the token, and a fresh one too.
   * @throws RequestRejected - The API refused the request; `errorType` says why.
   * @throws ProtocolError - The answer is not one of a GraphQL API.
   * @throws ClientClosed - The client was closed.
   */
  async execute(query: string, variables: Variables): Promise<Record<string, unknown>> {
    const pauses = new Pauses(this.#timing, this.#environment);
    const beganAt = this.#environment.now();
    for (let failures = 0; ; ) {
      this.#checkOpen();
      const turn = this.#turn;
      try {
        return await this.#send(query, variables, turn);
      } catch (error) {
        this.#checkOpen();
        if (error instanceof Throttled) {
          if (this.#environment.now() - beganAt >= this.#timing.throttled) throw error;
        } else {
          const mayPass = error instanceof Unreachable || (error instanceof RequestRejected && error.isTransient);
          if (!turn.isStopped) failures += 1;
          if (!mayPass || failures >= this.#timing.tries) throw error;
        }
      }
      await sleep(pauses.next(), turn, this.#environment);
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new ClientClosed();
  }
}
