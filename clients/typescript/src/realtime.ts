import { hostOf } from "./addresses.ts";
import { type Authorization, authorized } from "./authorization.ts";
import { Connection, type Pushed } from "./connection.ts";
import type { Environment } from "./environment.ts";
import { ClientClosed } from "./errors.ts";
import type { Timing } from "./timing.ts";
import type { Variables } from "./transport.ts";

const PER_CONNECTION = 100; // subscriptions; AppSync allows 200, and 100 in older accounts

/** What a listener hears: that it is subscribed, and each push. */
export type Emitted = { readonly type: "acknowledged" } | Pushed;

/** Listens to subscriptions, over as few connections as possible. */
export class Realtime {
  readonly #url: string;
  readonly #host: string;
  readonly #authorization: Authorization;
  readonly #timing: Timing;
  readonly #environment: Environment;
  #connections: Connection[] = [];
  #opening: Promise<void> | null = null;
  readonly #closing: AbortController = new AbortController();

  constructor(url: string, graphqlUrl: string, authorization: Authorization, timing: Timing, environment: Environment) {
    this.#url = url;
    this.#host = hostOf(graphqlUrl);
    this.#authorization = authorization;
    this.#timing = timing;
    this.#environment = environment;
  }

  /**
   * Subscribes, and reports every event until the server completes the subscription or the signal is aborted.
   * Events that arrived before the signal was aborted may still be reported.
   *
   * @param query - A subscription with one field.
   * @param emit - Called with `acknowledged` once, then with each push.
   * @throws Unreachable - No connection could be made, or it was lost.
   * @throws NotAuthorized - The API refused the token, and a fresh one too.
   * @throws Throttled - The API has no capacity for the subscription now.
   * @throws SubscriptionRejected - The API refused the subscription.
   * @throws ClientClosed - The client was closed.
   */
  async listen(
    query: string,
    variables: Variables,
    emit: (event: Emitted) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const data = JSON.stringify({ query, variables });
    const connection = await this.#reserve(signal);
    if (connection === null) return;
    try {
      const subscription = await authorized(this.#authorization, (headers) => connection.start(data, headers, signal));
      try {
        emit({ type: "acknowledged" });
        for (let push = await subscription.next(); push !== null; push = await subscription.next()) {
          emit(push);
        }
      } finally {
        subscription.stop();
      }
    } finally {
      connection.reserved -= 1;
    }
  }

  /** Closes every connection. Subscribers connect again, with a fresh token: the old sockets may be dead. */
  reconnect(): void {
    for (const connection of this.#connections) connection.close();
  }

  /** Closes every connection, which ends every subscription. Nothing is opened afterwards. */
  close(): void {
    this.#closing.abort();
    this.reconnect();
    this.#connections = [];
  }

  /** Closes connections that nobody uses. */
  closeIdle(): void {
    for (const connection of this.#connections) if (connection.reserved === 0) connection.close();
    this.#connections = this.#connections.filter((connection) => connection.isOpen);
  }

  /** A connection with room for one more subscription; null if the signal is aborted first. */
  async #reserve(signal: AbortSignal): Promise<Connection | null> {
    while (!this.#closing.signal.aborted) {
      if (signal.aborted) return null;
      this.#connections = this.#connections.filter((connection) => connection.isOpen);
      const free = this.#connections.find((connection) => connection.reserved < PER_CONNECTION);
      if (free !== undefined) {
        free.reserved += 1;
        return free;
      }
      this.#opening ??= this.#open().finally(() => {
        this.#opening = null;
      });
      // Other subscribers wait for the same connection, so a subscriber that leaves does not close it.
      await unlessAborted(this.#opening, signal);
    }
    throw new ClientClosed();
  }

  async #open(): Promise<void> {
    const { signal } = this.#closing;
    const connection = await authorized(this.#authorization, (headers) => {
      if (signal.aborted) throw new ClientClosed(); // while the token was awaited
      return Connection.open(this.#url, this.#host, headers, this.#timing, this.#environment, signal);
    });
    if (signal.aborted) connection.close();
    else this.#connections.push(connection);
  }
}

/** Waits for a task, or until the signal is aborted. */
function unlessAborted(task: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve();
    signal.addEventListener("abort", stop);
    task.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
