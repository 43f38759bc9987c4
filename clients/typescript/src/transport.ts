import { type Authorization, authorized } from "./authorization.ts";
import type { Environment } from "./environment.ts";
import {
  ClientClosed,
  ConnectionLost,
  LongcallError,
  ProtocolError,
  RequestRejected,
  Throttled,
  Unreachable,
} from "./errors.ts";
import { isObject, parseFaults, rejection, tokenRefused } from "./faults.ts";
import type { Json } from "./model.ts";
import { Pauses, sleep, type Timing } from "./timing.ts";

/** Variables of an operation. */
export type Variables = Readonly<Record<string, Json | undefined>>;

/**
 * Sends operations and returns their data.
 *
 * Every operation of this API can be repeated without harm, so a request is sent again when its answer is lost, when
 * something behind the API fails, and when the API is throttled.
 */
export class Requests {
  readonly #url: string;
  readonly #authorization: Authorization;
  readonly #timing: Timing;
  readonly #environment: Environment;
  readonly #closing: AbortController = new AbortController();

  constructor(url: string, authorization: Authorization, timing: Timing, environment: Environment) {
    this.#url = url;
    this.#authorization = authorization;
    this.#timing = timing;
    this.#environment = environment;
  }

  /** Ends all requests with `ClientClosed`. None can be sent afterwards. */
  close(): void {
    this.#closing.abort();
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
    const body = JSON.stringify({ query, variables });
    const pauses = new Pauses(this.#timing, this.#environment);
    const beganAt = this.#environment.now();
    for (let failures = 0; ; ) {
      this.#checkOpen();
      try {
        return await authorized(this.#authorization, (headers) => this.#send(body, headers));
      } catch (error) {
        this.#checkOpen();
        if (error instanceof Throttled) {
          if (this.#environment.now() - beganAt >= this.#timing.throttled) throw error;
        } else {
          failures += 1;
          const mayPass = error instanceof Unreachable || (error instanceof RequestRejected && error.isTransient);
          if (!mayPass || failures >= this.#timing.tries) throw error;
        }
      }
      await sleep(pauses.next(), this.#closing.signal, this.#environment);
    }
  }

  async #send(body: string, headers: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
    const text = await this.#fetched({
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      throw new ProtocolError(`${this.#url} did not answer like a GraphQL API; check that this is the GraphQL URL`);
    }
    if (isObject(answer) && answer.errors != null) throw rejection(parseFaults(answer.errors));
    if (!isObject(answer) || !isObject(answer.data)) {
      throw new ProtocolError(`the answer from ${this.#url} has no data; check that this is the GraphQL URL`);
    }
    return answer.data;
  }

  async #fetched(init: RequestInit): Promise<string> {
    const limit = new AbortController();
    const abort = (): void => limit.abort();
    const cancel = this.#environment.after(this.#timing.answer, abort);
    this.#closing.signal.addEventListener("abort", abort);
    try {
      const response = await this.#environment.fetch(this.#url, { ...init, signal: limit.signal });
      if (response.status === 401) throw tokenRefused([]);
      if (response.status === 429) {
        const message = `the API at ${this.#url} accepts no more requests now (HTTP status 429)`;
        throw new Throttled([{ message, errorType: "TooManyRequestsException" }]);
      }
      if (response.status >= 500) {
        throw new ConnectionLost(`the API at ${this.#url} answered with HTTP status ${response.status}`);
      }
      return await response.text();
    } catch (error) {
      if (error instanceof LongcallError) throw error;
      throw new Unreachable(`no answer from ${this.#url}; check the URL and the network`);
    } finally {
      cancel();
      this.#closing.signal.removeEventListener("abort", abort);
    }
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw new ClientClosed();
  }
}
