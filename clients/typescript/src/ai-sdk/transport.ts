import type { ChatTransport, UIMessageChunk } from "ai";
import type { Client } from "../client.ts";
import { InvalidInput, JobNotFound } from "../errors.ts";
import { isObject } from "../faults.ts";
import type { JobInput } from "../input.ts";
import { type Json, newJobId } from "../model.ts";
import { isFinal, type JobView } from "../view.ts";
import { conversationOf } from "./conversation.ts";
import { Follower } from "./follower.ts";
import type { LongcallUIMessage } from "./messages.ts";

type Sending<M extends LongcallUIMessage> = Parameters<ChatTransport<M>["sendMessages"]>[0];
type Reconnecting = Parameters<ChatTransport<LongcallUIMessage>["reconnectToStream"]>[0];

/** What a chat asks for: its messages, and what was given to `sendMessage` or `regenerate`. */
export type ChatJobRequest<M extends LongcallUIMessage = LongcallUIMessage> = Pick<
  Sending<M>,
  "chatId" | "messages" | "trigger" | "messageId" | "body" | "metadata"
>;

/** Where the jobs of chats run, and how. */
export interface LongcallChatTransportOptions<M extends LongcallUIMessage = LongcallUIMessage> {
  readonly client: Client;
  /** The workload that answers, such as `simulated.story`. */
  readonly model: string;
  /**
   * The input of the job that answers; by default the conversation and the model, with the fields of `body` added.
   * `metadata` must be an object, because the transport adds the id of the chat to it.
   */
  readonly input?: (request: ChatJobRequest<M>) => JobInput | Promise<JobInput>;
  /**
   * What `stop()` does: `cancel` ends the job on the server, `detach` only stops following it. By default `cancel`.
   * `useChat` also stops when its component is unmounted, unless the chat was created outside: `useChat({ chat })`.
   */
  readonly onStop?: "cancel" | "detach";
  /** Called before a job is started, so that an application can store which job its chat waits for. */
  readonly onJob?: (chatId: string, jobId: string) => void | Promise<void>;
  /**
   * The newest job of a chat, from the application's store; null if it has none. By default it is looked for among the
   * caller's 100 newest jobs, on whichever device they were started.
   */
  readonly jobOf?: (chatId: string) => string | null | Promise<string | null>;
  /** Called when `stop()` could not cancel the job, which therefore continues. By default `reportError`. */
  readonly onCancelFailed?: (error: unknown, jobId: string) => void;
}

/**
 * Lets a chat of AI SDK be answered by jobs: `useChat({ transport: new LongcallChatTransport({ client, model }) })`.
 *
 * The text that the chat shows is the job's result, whatever pushes were lost. A chat that reconnects, after a reload or
 * on another device, shows the whole answer from its beginning, also if its job has ended meanwhile.
 */
export class LongcallChatTransport<M extends LongcallUIMessage = LongcallUIMessage> implements ChatTransport<M> {
  /** Reconnecting returns the whole answer, which replaces what the chat has of it. */
  readonly resumeStreamIsReplay = true;
  readonly #options: LongcallChatTransportOptions<M>;
  readonly #reconnects: Map<string, number> = new Map(); // how often each chat has reconnected

  constructor(options: LongcallChatTransportOptions<M>) {
    this.#options = options;
  }

  /**
   * Starts a job with the conversation, and returns its answer. An error of the job's beginning is the stream's error.
   *
   * @throws InvalidInput - The messages cannot be the input of a job.
   */
  async sendMessages(sending: Sending<M>): Promise<ReadableStream<UIMessageChunk>> {
    const { client, onJob } = this.#options;
    const { chatId, abortSignal } = sending;
    const follower = this.#follower(chatId, abortSignal);
    const input = await this.#inputOf(sending);
    const metadata = { ...metadataOf(input), chatId };
    const jobId = newJobId((bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>));
    await onJob?.(chatId, jobId);
    return follower.follow(jobId, (signal) => client.run({ ...input, jobId, metadata }, { signal }));
  }

  /**
   * The answer of the chat's newest job, from its beginning; null if the chat has no job.
   *
   * @throws Unreachable - The API does not answer.
   */
  async reconnectToStream({ chatId, abortSignal }: Reconnecting): Promise<ReadableStream<UIMessageChunk> | null> {
    this.#reconnects.set(chatId, this.#reconnectsOf(chatId) + 1);
    const follower = this.#follower(chatId, abortSignal);
    const jobId = await this.#newestJobOf(chatId);
    const view = jobId === null ? null : await this.#read(jobId);
    if (view === null) return null;
    const { client } = this.#options;
    return follower.follow(view.jobId, (signal) => (isFinal(view) ? only(view) : client.watch(view.jobId, { signal })));
  }

  /**
   * Follows a job until its end, or until the chat stops. React's strict mode, and several components with one chat,
   * stop a chat and reconnect it in one go: then the job is not cancelled.
   */
  #follower(chatId: string, stopped: AbortSignal | undefined): Follower {
    const { client, onStop, onCancelFailed } = this.#options;
    const reconnects = this.#reconnectsOf(chatId);
    const mayCancel = (): boolean => onStop !== "detach" && this.#reconnectsOf(chatId) === reconnects;
    return new Follower(client, stopped, mayCancel, onCancelFailed ?? ((error) => globalThis.reportError?.(error)));
  }

  #reconnectsOf(chatId: string): number {
    return this.#reconnects.get(chatId) ?? 0;
  }

  async #inputOf(sending: Sending<M>): Promise<JobInput> {
    const { model, input } = this.#options;
    if (input !== undefined) return { model, ...(await input(sending)) };
    return { ...conversationOf(sending.messages), model, ...sending.body };
  }

  async #newestJobOf(chatId: string): Promise<string | null> {
    const { client, jobOf } = this.#options;
    if (jobOf !== undefined) return jobOf(chatId);
    const { jobs } = await client.list({ limit: 100 });
    return jobs.find(({ metadata }) => isObject(metadata) && metadata.chatId === chatId)?.jobId ?? null;
  }

  async #read(jobId: string): Promise<JobView | null> {
    try {
      return await this.#options.client.get(jobId);
    } catch (error) {
      if (error instanceof JobNotFound) return null; // deleted, or expired
      throw error;
    }
  }
}

function metadataOf({ metadata = {} }: JobInput): Record<string, Json> {
  if (isObject(metadata) && !Array.isArray(metadata)) return metadata as Record<string, Json>;
  throw new InvalidInput("the metadata of a chat's job must be an object, because the id of the chat is added to it");
}

async function* only(view: JobView): AsyncGenerator<JobView, void, undefined> {
  yield view;
}
