import { checkUrl, hostOf, realtimeUrlOf } from "./addresses.ts";
import type { Authorization } from "./authorization.ts";
import { Connection } from "./connection.ts";
import { CANCEL, DELETE, LIST, QUOTE, START, UPLOAD } from "./documents.ts";
import { type Environment, hostEnvironment, type SocketClass } from "./environment.ts";
import { mismatch } from "./errors.ts";
import { isObject } from "./faults.ts";
import { httpSend } from "./http.ts";
import { checkInput, checkUpload, contentsOf, type JobInput, renderInput, renderQuote } from "./input.ts";
import type { Listener } from "./listener.ts";
import {
  type Cost,
  type Event,
  isTerminal,
  newJobId,
  parseCost,
  parseEvent,
  parseJobId,
  parseUpload,
  type Status,
} from "./model.ts";
import { digest, Objects } from "./objects.ts";
import { aboutJob, readEvents, readSnapshot } from "./reading.ts";
import { type Listening, Realtime } from "./realtime.ts";
import { Requests } from "./requests.ts";
import { DEFAULT_TIMING, type Timing } from "./timing.ts";
import { emptyView, hasEnded, type JobView, mergeEvent, mergeSnapshot } from "./view.ts";
import { type Heal, type Link, type OnArrival, Watch, type WatchParts } from "./watch.ts";

/** How to reach an API, and as whom. */
export interface ClientOptions extends CommonOptions {
  /** Such as https://….appsync-api.eu-west-1.amazonaws.com/graphql. */
  readonly graphqlUrl: string;
  /** Authorizes the caller's requests: `lambdaToken(…)` or `cognitoToken(…)`. */
  readonly authorization: Authorization;
  /** The endpoint for subscriptions; by default derived from `graphqlUrl`. */
  readonly realtimeUrl?: string;
  /** The class of sockets; by default the global `WebSocket`. Node 20 needs that of the package `ws`. */
  readonly webSocket?: SocketClass;
}

/** Options of every client, whatever its connection. */
export interface CommonOptions {
  /** Time limits that differ from the default ones. */
  readonly timing?: Partial<Timing>;
  /** The network, time and chance; by default those of the host. For tests. */
  readonly environment?: Environment;
  /**
   * What the names of the jobs' types begin with in the API's schema. It is empty unless the jobs were added to an
   * existing API with a prefix.
   */
  readonly typePrefix?: string;
  /** Called when the live connection of a watched job is established or lost. */
  readonly onLink?: (link: Link) => void;
  /** Called when a gap in the pushes was closed by reading the log. */
  readonly onHeal?: (heal: Heal) => void;
}

/** Options of a watch. Aborting the signal detaches: the iteration ends, and the job continues. */
export interface WatchOptions {
  readonly signal?: AbortSignal;
  /** Called with every push and every page of the log before it is merged, repeated and late ones included. */
  readonly onArrival?: OnArrival;
}

/** Some of the caller's jobs, newest first. `nextToken` names the next page; null on the last one. */
export interface Page {
  readonly jobs: readonly Event[];
  readonly nextToken: string | null;
}

/** A client of one Longcall API, for one caller. */
export interface Client {
  /**
   * Starts a job and follows it: one view for each event of its log, in order, up to the terminal event. Leaving the
   * iteration detaches: the job continues, and `watch` follows it again by the view's `jobId`.
   */
  run(input: JobInput, options?: WatchOptions): Views<JobView>;
  /** Follows a job from its first event. */
  watch(jobId: string, options?: WatchOptions): Views<JobView>;
  /** Starts a job without following it. Returns its first event. */
  start(input: JobInput): Promise<Event>;
  /** The job's present state, with its output. */
  get(jobId: string): Promise<JobView>;
  /** The job's log up to now, in order, from the first event after a sequence. */
  events(jobId: string, after?: number): AsyncGenerator<Event, void, undefined>;
  /** One page of the caller's jobs, newest first, without their texts. `limit` is 1 to 100, by default 20. */
  list(query?: { status?: Status; limit?: number; nextToken?: string }): Promise<Page>;
  /** Estimates what a job would cost. No job is started, and the text is not sent. */
  quote(input: JobInput): Promise<Cost>;
  /** Sends a content, so that a start can name it. Returns the upload's id. */
  upload(content: Uint8Array): Promise<string>;
  /** Ends a job. If it had ended before, the event shows how. */
  cancel(jobId: string): Promise<Event>;
  /** Deletes a job that has ended, with its input and its output. */
  delete(jobId: string): Promise<void>;
  /**
   * Connects anew and reads what was missed. A browser's page does it by itself; in React Native, call it when
   * `AppState` becomes active.
   */
  wake(): void;
  /** Ends everything that the client is doing. Nothing is opened afterwards. */
  close(): void;
}

/**
 * Creates a client.
 *
 * @throws ConfigurationError - A URL is malformed.
 */
export function createClient(options: ClientOptions): Client {
  const { graphqlUrl, authorization } = options;
  checkUrl(graphqlUrl, "http");
  const address = options.realtimeUrl ?? realtimeUrlOf(graphqlUrl);
  checkUrl(address, "ws");
  const environment = options.environment ?? hostEnvironment(options.webSocket);
  const timing = { ...DEFAULT_TIMING, ...options.timing };

  const requests = new Requests(
    httpSend(graphqlUrl, authorization, timing, environment, options.typePrefix),
    timing,
    environment,
  );
  const objects = new Objects(environment);
  const realtime = new Realtime(authorization, (headers, stop) =>
    Connection.open(address, hostOf(graphqlUrl), headers, timing, environment, stop),
  );
  return new LongcallClient({ ...options, timing, environment, requests, objects, realtime });
}

/** A client over any connection to an API. */
export class LongcallClient implements Client {
  readonly #parts: WatchParts;
  readonly #requests: Requests;
  readonly #objects: Objects;
  readonly #realtime: Listening;
  readonly #environment: Environment;
  readonly #listeners = new Set<Listener>();
  readonly #stopWaking: () => void;

  constructor(parts: WatchParts) {
    const { requests, objects, realtime, environment } = parts;
    this.#parts = parts;
    this.#requests = requests;
    this.#objects = objects;
    this.#realtime = realtime;
    this.#environment = environment;
    this.#stopWaking = environment.onWake(
      () => this.wake(),
      () => realtime.sleep(),
    );
  }

  async *run(input: JobInput, options?: WatchOptions): Views<JobView> {
    checkInput(input);
    const jobId = this.#idOf(input);
    yield* this.#watch(jobId, () => this.#start(input, jobId), options);
  }

  async *watch(jobId: string, options?: WatchOptions): Views<JobView> {
    yield* this.#watch(parseJobId(jobId), null, options);
  }

  async start(input: JobInput): Promise<Event> {
    checkInput(input);
    return this.#start(input, this.#idOf(input));
  }

  async get(jobId: string): Promise<JobView> {
    const id = parseJobId(jobId);
    const snapshot = await readSnapshot(this.#requests, this.#objects, id);
    let view = emptyView(id);
    if (snapshot.output === null) for await (const event of this.events(id)) view = mergeEvent(view, event);
    view = mergeSnapshot(view, snapshot);
    // The job ended while its log was read.
    const isBehind = hasEnded(view) && view.resultOmitted;
    return isBehind ? mergeSnapshot(view, await readSnapshot(this.#requests, this.#objects, id)) : view;
  }

  async *events(jobId: string, after = 0): AsyncGenerator<Event, void, undefined> {
    const id = parseJobId(jobId);
    for (let last = after; ; ) {
      const events = await readEvents(this.#requests, id, last);
      yield* events;
      const end = events.at(-1);
      if (end === undefined || isTerminal(end.status, end.endTime)) return;
      last = end.sequence;
    }
  }

  async list(query: { status?: Status; limit?: number; nextToken?: string } = {}): Promise<Page> {
    const { listInferences: page } = await this.#requests.execute(LIST, query);
    if (!isObject(page) || !Array.isArray(page.items)) {
      throw mismatch("a list of jobs");
    }
    const { items, nextToken } = page;
    return { jobs: items.map(parseEvent), nextToken: (nextToken ?? null) as string | null };
  }

  async quote(input: JobInput): Promise<Cost> {
    checkInput(input);
    const data = await this.#requests.execute(QUOTE, { input: { ...renderQuote(input) } as never });
    return parseCost(data.quoteInference);
  }

  async upload(content: Uint8Array): Promise<string> {
    checkUpload(content);
    const input = { bytes: content.length, sha256: await digest(content) };
    const { createUpload: upload } = await this.#requests.execute(UPLOAD, { input });
    const { uploadId, url, headers } = parseUpload(upload);
    await this.#objects.send(url, headers, content);
    return uploadId;
  }

  async cancel(jobId: string): Promise<Event> {
    const id = parseJobId(jobId);
    const data = await aboutJob(id, this.#requests.execute(CANCEL, { jobId: id }));
    return parseEvent(data.cancelInference);
  }

  async delete(jobId: string): Promise<void> {
    const id = parseJobId(jobId);
    await aboutJob(id, this.#requests.execute(DELETE, { jobId: id }));
    for (const listener of this.#listeners) listener.put({ type: "deleted", jobId: id });
  }

  wake(): void {
    this.#realtime.reconnect();
    this.#requests.wake();
    for (const listener of this.#listeners) listener.wake();
  }

  close(): void {
    this.#stopWaking();
    this.#requests.close();
    this.#objects.close();
    for (const listener of this.#listeners) listener.close();
    this.#realtime.close();
  }

  #idOf({ jobId }: JobInput): string {
    return jobId === undefined ? newJobId((bytes) => this.#environment.randomBytes(bytes)) : parseJobId(jobId);
  }

  async #start(input: JobInput, jobId: string): Promise<Event> {
    const uploads: string[] = [];
    for (const content of contentsOf(input)) uploads.push(await this.upload(content));
    const data = await this.#requests.execute(START, { input: renderInput(input, jobId, uploads) as never });
    return parseEvent(data.startInference);
  }

  #watch(jobId: string, begin: (() => Promise<Event>) | null, options: WatchOptions = {}): Views<JobView> {
    return this.follow((parts) => {
      const watch = new Watch(jobId, parts, options.onArrival);
      return [watch.listener, watch.views(begin)];
    }, options.signal);
  }

  /** Iterates over what is shown of a subscription, until the signal is aborted. */
  async *follow<T>(open: (parts: WatchParts) => [Listener, Views<T>], signal?: AbortSignal): Views<T> {
    const [listener, views] = open(this.#parts);
    const detach = (): void => listener.detach();
    this.#listeners.add(listener);
    signal?.addEventListener("abort", detach);
    try {
      if (signal?.aborted !== true) yield* views;
    } finally {
      signal?.removeEventListener("abort", detach);
      this.#listeners.delete(listener);
      this.#environment.after(IDLE, () => this.#realtime.closeIdle());
    }
  }
}

/** What a watch shows, one after the other. */
export type Views<T> = AsyncGenerator<T, void, undefined>;

const IDLE = 1_000; // milliseconds after which a connection without subscriptions is closed
