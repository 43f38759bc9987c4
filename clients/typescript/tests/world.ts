import type { Environment, Socket } from "../src/environment.ts";
import type { JobView } from "../src/view.ts";

export const JOB = "123e4567-e89b-42d3-a456-426614174000";

export type Fields = Record<string, unknown>;

/** One event as the API sends it. */
export function event(sequence: number, fields: Fields = {}): Fields {
  return {
    jobId: JOB,
    owner: "o",
    model: "m",
    status: "PROCESSING",
    sequence,
    attempt: 1,
    delta: `${sequence},`,
    ...fields,
  };
}

/** The terminal event, whose result is the output. */
export function last(sequence: number): Fields {
  return event(sequence, { status: "COMPLETED", resultIsOutput: true, resultOmitted: true });
}

/** A socket to the API of a `World`. */
export class FakeSocket implements Socket {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  isClosed = false;
  readonly started: string[] = []; // ids of subscriptions, in order
  readonly stopped: string[] = [];
  readonly protocols: readonly string[];
  readonly #world: World;

  constructor(world: World, protocols: readonly string[]) {
    this.#world = world;
    this.protocols = protocols;
    queueMicrotask(() => this.onopen?.({} as never));
  }

  /** The token of the handshake. */
  get token(): unknown {
    const header = String(this.protocols[1]).slice("header-".length);
    return JSON.parse(Buffer.from(header, "base64url").toString()).Authorization;
  }

  send(text: string): void {
    const { type, id } = JSON.parse(text);
    if (type === "connection_init") {
      if (this.#world.isSilent) return;
      const refused = this.#world.refusedTokens.has(String(this.token));
      const errors = [{ message: "no", errorType: "UnauthorizedException" }];
      this.receive(refused ? { type: "connection_error", payload: { errors } } : { type: "connection_ack" });
    } else if (type === "start") {
      this.started.push(id);
      if (this.#world.answersStarts) this.receive({ type: "start_ack", id });
    } else this.stopped.push(id);
  }

  close(): void {
    this.isClosed = true;
  }

  receive(message: Fields): void {
    queueMicrotask(() => this.onmessage?.({ data: JSON.stringify(message) }));
  }

  /** Pushes an event to the first subscription. */
  push(fields: Fields | null): void {
    this.receive({ type: "data", id: this.started[0], payload: { data: { onInferenceStatusChange: fields } } });
  }

  /** Ends the socket, as a network does. */
  cut(): void {
    this.onclose?.({} as never);
  }
}

/** A clock that stands still, and an API with the log of one job. */
export class World implements Environment {
  readonly sockets: FakeSocket[] = [];
  readonly reads: number[] = []; // the `after` of each read of the log
  readonly log: Fields[] = [];
  readonly refusedTokens: Set<string> = new Set();
  /** The answers to operations other than reads of the log, by their field. */
  readonly answers: Map<string, (variables: Fields) => unknown> = new Map();
  snapshot: Fields | null = null;
  stored = "";
  isSilent = false; // no answer to `connection_init`
  isMute = false; // no answer to requests
  answersStarts = true;
  #now = 0;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];
  readonly #sleepers: Set<{ readonly wake: () => void; readonly sleep: () => void }> = new Set();

  get socket(): FakeSocket {
    return this.sockets.at(-1) as FakeSocket;
  }

  async fetch(_url: string, init: RequestInit): Promise<Response> {
    if (this.isMute) {
      await new Promise((_, reject) => init.signal?.addEventListener("abort", () => reject(new Error("aborted"))));
    }
    if (init.method === "GET") return new Response(this.stored);
    const { query, variables } = JSON.parse(String(init.body));
    for (const [field, answer] of this.answers) {
      if (query.includes(field)) return Response.json({ data: { [field]: await answer(variables) } });
    }
    if (query.includes("getInference")) return Response.json({ data: { getInference: this.snapshot } });
    this.reads.push(variables.after);
    const found = this.log.filter(({ sequence }) => Number(sequence) > variables.after);
    return Response.json({ data: { inferenceEvents: found } });
  }

  openSocket(_url: string, protocols: string[]): Socket {
    this.sockets.push(new FakeSocket(this, protocols));
    return this.socket;
  }

  /** Pushes an event to every subscription. */
  pushToAll(fields: Fields): void {
    for (const socket of this.sockets.filter(({ isClosed }) => !isClosed)) {
      for (const id of socket.started.filter((it) => !socket.stopped.includes(it))) {
        socket.receive({ type: "data", id, payload: { data: { onInferenceStatusChange: fields } } });
      }
    }
  }

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#now + milliseconds, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  random(): number {
    return 0.5;
  }

  randomBytes(bytes: Uint8Array): void {
    bytes.fill(7);
  }

  onWake(wake: () => void, sleep: () => void): () => void {
    const sleeper = { wake, sleep };
    this.#sleepers.add(sleeper);
    return () => this.#sleepers.delete(sleeper);
  }

  wake(): void {
    for (const { wake } of this.#sleepers) wake();
  }

  sleep(): void {
    for (const { sleep } of this.#sleepers) sleep();
  }

  /** Lets everything run that needs no more time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Moves the clock, and calls every timer at its time. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await this.settle();
      const next = this.#timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = end;
  }
}

/** What an iteration has shown, and how it ended. */
export class Shown {
  readonly views: JobView[] = [];
  hasEnded = false;
  error: unknown = null;
  readonly end: Promise<void>;

  constructor(views: AsyncIterable<JobView>) {
    this.end = this.#read(views);
  }

  get sequences(): number[] {
    return this.views.map(({ sequence }) => sequence);
  }

  async #read(views: AsyncIterable<JobView>): Promise<void> {
    try {
      for await (const view of views) this.views.push(view);
    } catch (error) {
      this.error = error;
    }
    this.hasEnded = true;
  }
}
