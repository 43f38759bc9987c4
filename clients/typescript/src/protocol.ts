import { type Fault, ProtocolError } from "./errors.ts";
import { isObject, parseFaults } from "./faults.ts";

/** What the protocol reports. An event with an `id` is about one subscription, any other about the connection. */
export type ProtocolEvent =
  /** The server has acknowledged the connection. */
  | { readonly type: "connected" }
  /** The server has refused the connection. Nothing follows. */
  | { readonly type: "refused"; readonly faults: readonly Fault[] }
  /** The connection is broken, silent, or not speaking this protocol. Ends every subscription; nothing follows. */
  | { readonly type: "lost" }
  | SubscriptionEvent;

export type SubscriptionEvent =
  /** The subscription is registered: the server pushes every event from now on, though a push may be lost. */
  | { readonly type: "acknowledged"; readonly id: string }
  /** One push; `fields` is null when the push cannot be read. */
  | { readonly type: "pushed"; readonly id: string; readonly fields: Record<string, unknown> | null }
  /** The server has refused the `start`. Ends this subscription only. */
  | { readonly type: "rejected"; readonly id: string; readonly faults: readonly Fault[] }
  /** No answer to the `start` came in time. Ends this subscription only. */
  | { readonly type: "unanswered"; readonly id: string }
  /** The server has ended the subscription, normally or with errors. Ends this subscription only. */
  | { readonly type: "ended"; readonly id: string; readonly faults: readonly Fault[] };

type State = "connecting" | "open" | "closed";

/**
 * The client's half of AppSync's realtime protocol for one connection: texts in, events and texts out. It has no socket
 * and no clock: time is an argument, in milliseconds of any monotonic clock, and `deadline` says when silence means
 * something.
 *
 * Source: AppSync Developer Guide, "Building a real-time WebSocket client".
 */
export class RealtimeProtocol {
  readonly #keepAlive: number;
  readonly #answer: number;
  #state: State = "connecting";
  #aliveUntil: number;
  #count = 0;
  readonly #starting = new Map<string, number>(); // until when the answer must come
  readonly #running = new Set<string>();
  #outgoing: string[] = ['{"type":"connection_init"}'];

  /**
   * @param keepAlive - Milliseconds without a `ka` after which the connection is lost.
   * @param answer - Milliseconds that the server has for `connection_ack`, and for the answer to a `start`.
   * @param now - The time at which the socket was opened.
   */
  constructor(keepAlive: number, answer: number, now: number) {
    this.#keepAlive = keepAlive;
    this.#answer = answer;
    this.#aliveUntil = now + answer;
  }

  get state(): State {
    return this.#state;
  }

  /** The texts to send, in order. Each text is returned once. */
  toSend(): string[] {
    const texts = this.#outgoing;
    this.#outgoing = [];
    return texts;
  }

  /** When to call `expire` if nothing is received before; null once the connection is closed. */
  deadline(): number | null {
    return this.#state === "closed" ? null : Math.min(this.#aliveUntil, ...this.#starting.values());
  }

  /**
   * Subscribes. The answer is an event with the returned id, or the loss of the connection.
   *
   * @param data - The GraphQL request as a JSON text.
   * @param authorization - The headers that authorize this subscription, `host` included.
   * @throws ProtocolError - The connection is not open.
   */
  start(data: string, authorization: Readonly<Record<string, string>>, now: number): string {
    if (this.#state !== "open") {
      throw new ProtocolError(`a subscription needs an open connection, and this one is ${this.#state}`);
    }
    this.#count += 1;
    const id = String(this.#count);
    this.#starting.set(id, now + this.#answer);
    this.#outgoing.push(JSON.stringify({ id, type: "start", payload: { data, extensions: { authorization } } }));
    return id;
  }

  /** Unsubscribes. No event follows for this id. A subscription that has ended already is not stopped again. */
  stop(id: string): void {
    if (this.#forget(id) && this.#state === "open") this.#outgoing.push(JSON.stringify({ id, type: "stop" }));
  }

  /** The events that a message from the server causes. */
  receive(text: unknown, now: number): ProtocolEvent[] {
    if (this.#state === "closed") return [];
    const message = parsed(text);
    const id = message?.id;
    switch (message?.type) {
      case "data":
        // A push before `start_ack` is dropped: the client reads the log after the acknowledgement.
        if (typeof id !== "string") break;
        return this.#running.has(id) ? [{ type: "pushed", id, fields: onlyField(message.payload) }] : [];
      case "ka":
        if (this.#state === "open") this.#aliveUntil = now + this.#keepAlive;
        return [];
      case "start_ack":
        if (typeof id !== "string") break;
        if (!this.#starting.delete(id)) return [];
        this.#running.add(id);
        return [{ type: "acknowledged", id }];
      case "complete":
        if (typeof id !== "string") break;
        return this.#forget(id) ? [{ type: "ended", id, faults: [] }] : [];
      case "error": {
        if (typeof id !== "string" || id === "") break;
        const type = this.#starting.has(id) ? "rejected" : "ended";
        return this.#forget(id) ? [{ type, id, faults: faultsOf(message.payload) }] : [];
      }
      case "connection_ack":
        if (this.#state === "open") return [];
        this.#state = "open";
        this.#aliveUntil = now + this.#keepAlive;
        return [{ type: "connected" }];
      case "connection_error":
        this.#close();
        return [{ type: "refused", faults: faultsOf(message.payload) }];
    }
    return this.lose(); // an error of the connection, or another protocol
  }

  /** The events that silence up to now causes. */
  expire(now: number): ProtocolEvent[] {
    if (this.#state === "closed") return [];
    if (now >= this.#aliveUntil) return this.lose();
    const late = [...this.#starting].filter(([, until]) => now >= until).map(([id]) => id);
    for (const id of late) this.stop(id);
    return late.map((id) => ({ type: "unanswered", id }));
  }

  /** Records that the socket is closed or unusable. The first call returns `lost`, later ones nothing. */
  lose(): ProtocolEvent[] {
    if (this.#state === "closed") return [];
    this.#close();
    return [{ type: "lost" }];
  }

  #forget(id: string): boolean {
    return this.#starting.delete(id) || this.#running.delete(id);
  }

  #close(): void {
    this.#state = "closed";
    this.#starting.clear();
    this.#running.clear();
    this.#outgoing = [];
  }
}

function parsed(text: unknown): Record<string, unknown> | null {
  try {
    const message: unknown = JSON.parse(String(text));
    return isObject(message) ? message : null;
  } catch {
    return null;
  }
}

function faultsOf(payload: unknown): Fault[] {
  return parseFaults(isObject(payload) ? payload.errors : null);
}

function onlyField(payload: unknown): Record<string, unknown> | null {
  if (!isObject(payload) || payload.errors || !isObject(payload.data)) return null;
  const [fields] = Object.values(payload.data);
  return isObject(fields) ? fields : null;
}
