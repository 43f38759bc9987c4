import { type Authorization, authorized } from "./authorization.ts";
import type { Connection, Pushed } from "./connection.ts";
import { ClientClosed, Unreachable } from "./errors.ts";
import type { Variables } from "./requests.ts";
import { Stop } from "./stop.ts";

const PER_CONNECTION = 100; // subscriptions; AppSync allows 200, and 100 in older accounts

/** What a listener hears: that it is subscribed, and each push. */
export type Emitted = { readonly type: "acknowledged" } | Pushed;

/** Opens a connection; stopping it ends the attempt with `Unreachable`. */
export type Connect = (headers: Readonly<Record<string, string>>, stop: Stop) => Promise<Connection>;

/** Listens to subscriptions. `Realtime` says what each method does. */
export interface Listening {
  listen(query: string, variables: Variables, emit: (event: Emitted) => void, stop: Stop): Promise<void>;
  reconnect(): void;
  sleep(): void;
  close(): void;
  closeIdle(): void;
}

/** Listens to subscriptions, over as few connections as possible. */
export class Realtime implements Listening {
  readonly #authorization: Authorization;
  readonly #connect: Connect;
  #connections: Connection[] = [];
  #opening: Promise<void> | null = null;
  #turn: Stop = new Stop(); // until the page sleeps
  #isClosed = false;
  #awake: Promise<void> = Promise.resolve();
  #rouse: () => void = () => undefined;

  constructor(authorization: Authorization, connect: Connect) {
    this.#authorization = authorization;
    this.#connect = connect;
  }

  /**
   * Subscribes, and reports every event until the server completes the subscription or it is stopped.
   * Events that arrived before it was stopped may still be reported.
   *
   * @param query - A subscription with one field.
   * @param emit - Called with `acknowledged` once, then with each push.
   * @throws Unreachable - No connection could be made, or it was lost.
   * @throws NotAuthorized - The API refused the token, and a fresh one too.
   * @throws Throttled - The API has no capacity for the subscription now.
   * @throws SubscriptionRejected - The API refused the subscription.
   * @throws ClientClosed - The client was closed.
   */
  async listen(query: string, variables: Variables, emit: (event: Emitted) => void, stop: Stop): Promise<void> {
    const data = JSON.stringify({ query, variables });
    for (;;) {
      const turn = this.#turn;
      try {
        return await this.#subscribe(data, emit, stop);
      } catch (error) {
        if (!this.#isNext(turn, error)) throw error;
      }
    }
  }

  /** Closes every connection. Subscribers connect again, with a fresh token: the old sockets may be dead. */
  reconnect(): void {
    this.#turn.stop();
    this.#turn = new Stop();
    for (const connection of this.#connections) connection.close();
    this.#rouse();
  }

  /** Closes every connection, and opens none before `reconnect`. */
  sleep(): void {
    this.reconnect();
    this.#awake = new Promise((resolve) => {
      this.#rouse = resolve;
    });
  }

  /** Closes every connection, which ends every subscription. Nothing is opened afterwards. */
  close(): void {
    this.#isClosed = true;
    this.reconnect();
  }

  /** Closes connections that nobody uses. */
  closeIdle(): void {
    for (const connection of this.#connections) if (connection.reserved === 0) connection.close();
  }

  async #subscribe(data: string, emit: (event: Emitted) => void, stop: Stop): Promise<void> {
    const connection = await this.#reserve(stop);
    if (connection === null) return;
    try {
      const subscription = await authorized(this.#authorization, (headers) => connection.start(data, headers, stop));
      try {
        emit({ type: "acknowledged" });
        for (let push = await subscription.next(); push !== null; push = await subscription.next()) {
          emit(push);
        }
      } finally {
        subscription.end();
      }
    } finally {
      connection.reserved -= 1;
    }
  }

  /** A connection with room for one more subscription; null if it is stopped first. */
  async #reserve(stop: Stop): Promise<Connection | null> {
    while (!this.#isClosed) {
      if (stop.isStopped) return null;
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
      await unlessStopped(this.#opening, stop);
    }
    throw new ClientClosed();
  }

  /** Whether an error came from the end of a turn, after which the same is tried again. */
  #isNext(turn: Stop, error: unknown): boolean {
    return turn.isStopped && !this.#isClosed && error instanceof Unreachable;
  }

  async #open(): Promise<void> {
    for (;;) {
      await this.#awake;
      const turn = this.#turn;
      try {
        const connection = await authorized(this.#authorization, (headers) => {
          if (this.#isClosed) throw new ClientClosed(); // while the token was awaited
          return this.#connect(headers, turn);
        });
        this.#connections.push(connection);
        return;
      } catch (error) {
        if (!this.#isNext(turn, error)) throw error;
      }
    }
  }
}

/** Waits for a task, or until the wait is stopped. */
function unlessStopped(task: Promise<void>, stop: Stop): Promise<void> {
  return new Promise((resolve, reject) => {
    const forget = stop.on(resolve);
    task.then(resolve, reject).finally(forget);
  });
}
