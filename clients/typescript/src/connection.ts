import type { Environment, Socket } from "./environment.ts";
import { ConnectionLost, SubscriptionRejected, Unreachable } from "./errors.ts";
import { rejection } from "./faults.ts";
import { Mailbox } from "./mailbox.ts";
import { type ProtocolEvent, RealtimeProtocol } from "./protocol.ts";
import type { Stop } from "./stop.ts";
import type { Timing } from "./timing.ts";

/** The loss of the connection, or an event of one subscription. */
type Heard = Exclude<ProtocolEvent, { type: "connected" } | { type: "refused" }>;

/** One realtime connection: a socket, whose messages it passes to the protocol and back. */
export class Connection {
  /** How many subscriptions run on this connection or are about to. Counted by its owner. */
  reserved = 0;
  readonly #url: string;
  readonly #host: string;
  readonly #environment: Environment;
  readonly #socket: Socket;
  readonly #protocol: RealtimeProtocol;
  readonly #subscribers = new Map<string, Mailbox<Heard>>();
  #isOpen = false; // the socket, not the protocol
  #cancelTimer: () => void = () => undefined;
  #settle: ((event: ProtocolEvent) => void) | null = null;

  private constructor(url: string, host: string, headers: object, timing: Timing, environment: Environment) {
    this.#url = url;
    this.#host = host;
    this.#environment = environment;
    this.#protocol = new RealtimeProtocol(timing.keepAlive, timing.answer, environment.now());
    this.#socket = environment.openSocket(url, [
      "graphql-ws",
      `header-${base64url(JSON.stringify({ ...headers, host }))}`,
    ]);
    this.#socket.onopen = () => {
      this.#isOpen = true;
      this.#flush();
    };
    this.#socket.onmessage = ({ data }) => this.#handle(this.#protocol.receive(data, environment.now()));
    this.#socket.onclose = () => this.close();
    this.#socket.onerror = () => this.close();
    this.#schedule();
  }

  /**
   * Opens a connection, and waits for its acknowledgement.
   *
   * @param stop - Stopping it closes the connection while it waits.
   * @throws NotAuthorized - The API refused the token.
   * @throws Throttled - The API has no capacity for the connection now.
   * @throws Unreachable - The API does not answer, refuses for another reason, or the wait was stopped.
   */
  static async open(
    url: string,
    host: string,
    headers: Readonly<Record<string, string>>,
    timing: Timing,
    environment: Environment,
    stop: Stop,
  ): Promise<Connection> {
    const connection = new Connection(url, host, headers, timing, environment);
    const opened = new Promise<ProtocolEvent>((resolve) => {
      connection.#settle = resolve;
    });
    const forget = stop.on(() => connection.close());
    const event = await opened;
    forget();
    if (event.type === "connected") return connection;
    connection.close();
    if (event.type !== "refused") throw new Unreachable(`no answer from the realtime endpoint ${url}`);
    throw rejection(event.faults, ([fault]) => {
      const reason = fault?.message ?? "no reason given";
      return new Unreachable(`the realtime endpoint ${url} refused the connection: ${reason}`);
    });
  }

  get isOpen(): boolean {
    return this.#protocol.state === "open";
  }

  /** Closes the socket and ends every subscription. Can be repeated. */
  close(): void {
    this.#handle(this.#protocol.lose());
  }

  /**
   * Subscribes, and waits for `start_ack`.
   *
   * @throws NotAuthorized - The API refused the token.
   * @throws Throttled - The API has no capacity for the subscription now.
   * @throws SubscriptionRejected - The API refused the subscription for another reason.
   * @throws ConnectionLost - The connection was closed, no answer arrived in time, or the stop was called.
   */
  async start(data: string, headers: Readonly<Record<string, string>>, stop: Stop): Promise<Subscription> {
    if (!this.isOpen) throw this.lost();
    const id = this.#protocol.start(data, { ...headers, host: this.#host }, this.#environment.now());
    const events = new Mailbox<Heard>(this.#environment);
    this.#subscribers.set(id, events);
    this.#flush();
    const forget = stop.on(() => events.put(ENDED));
    const end = (): void => {
      forget();
      this.#stop(id);
    };
    const answer = await events.next();
    if (answer?.type === "acknowledged") return { next: () => this.#next(events), end };
    end();
    throw answer?.type === "rejected"
      ? rejection(answer.faults, (faults) => new SubscriptionRejected(faults))
      : this.lost();
  }

  /** The error that the loss of this connection is for its subscribers. */
  lost(): ConnectionLost {
    return new ConnectionLost(`the connection to ${this.#url} was lost`);
  }

  async #next(events: Mailbox<Heard>): Promise<Pushed | null> {
    const event = await events.next();
    if (event?.type === "pushed") return event;
    if (event?.type === "ended" && event.faults.length === 0) return null;
    throw this.lost();
  }

  #stop(id: string): void {
    this.#subscribers.delete(id);
    this.#protocol.stop(id);
    this.#flush();
  }

  #handle(events: readonly ProtocolEvent[]): void {
    for (const event of events) {
      if (event.type === "connected" || event.type === "refused" || event.type === "lost") {
        this.#settle?.(event);
        this.#settle = null;
      }
      if (event.type === "lost") for (const subscriber of this.#subscribers.values()) subscriber.put(event);
      if ("id" in event) this.#subscribers.get(event.id)?.put(event);
    }
    this.#flush();
  }

  #flush(): void {
    if (this.#isOpen) for (const text of this.#protocol.toSend()) this.#socket.send(text);
    this.#schedule();
  }

  #schedule(): void {
    this.#cancelTimer();
    const deadline = this.#protocol.deadline();
    if (deadline === null) {
      this.#isOpen = false;
      this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
      this.#socket.onerror = () => undefined; // closing a socket that is not open yet is an error in Node
      this.#socket.close();
      return;
    }
    const wait = Math.max(0, deadline - this.#environment.now());
    this.#cancelTimer = this.#environment.after(wait, () => {
      this.#handle(this.#protocol.expire(this.#environment.now()));
    });
  }
}

/** One push of a subscription. `fields` is null when the push cannot be read. */
export type Pushed = Extract<ProtocolEvent, { type: "pushed" }>;

const ENDED: Heard = { type: "ended", id: "", faults: [] };

/** One acknowledged subscription. */
export interface Subscription {
  /**
   * The next push; null once the server has completed the subscription, or it was stopped.
   *
   * @throws ConnectionLost - The connection is lost, or the server ended this subscription with an error.
   */
  next(): Promise<Pushed | null>;
  /** Unsubscribes. Can be repeated. */
  end(): void;
}

/** Base64 for URLs without padding: a subprotocol may contain neither `=` nor `/`. */
function base64url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
