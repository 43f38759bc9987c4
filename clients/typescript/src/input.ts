import type { InferenceInput, MessageInput } from "./contract.ts";
import { InvalidInput } from "./errors.ts";
import type { Variables } from "./requests.ts";

const PROMPT_LIMIT = 196_608; // bytes of UTF-8 in a request
const UPLOAD_LIMIT = 10_485_760; // bytes; a prompt longer than PROMPT_LIMIT is uploaded
const SYSTEM_LIMIT = 16_384; // bytes of UTF-8
const METADATA_LIMIT = 4_096; // bytes of UTF-8
const DEFAULT_MODEL = "local.textrank";

/** One message of a conversation. */
export interface Message extends Omit<MessageInput, "images"> {
  /** Ids of uploads, or contents that are uploaded before the start. */
  readonly images?: readonly (string | Uint8Array)[];
}

/** The input of a job: either a `prompt` or `messages`, and options. */
export interface JobInput extends Omit<InferenceInput, "prompt" | "promptUpload" | "messages" | "model"> {
  /** The text to work on, at most 10 MiB of UTF-8. A long one is uploaded first. */
  readonly prompt?: string;
  /** A conversation: USER and ASSISTANT in turn, USER first and last. */
  readonly messages?: readonly Message[];
  /** The workload that runs it; `local.textrank` by default. */
  readonly model?: string;
}

/**
 * Checks the size of what would be sent, and that there is something to work on. The API checks everything else.
 *
 * @throws InvalidInput - The API would refuse the input.
 */
export function checkInput({ prompt, messages, model, system, metadata }: JobInput): void {
  if ((prompt === undefined) === (messages === undefined)) {
    throw new InvalidInput("give either a prompt or messages, and not both");
  }
  if (prompt !== undefined && prompt.trim() === "") {
    throw new InvalidInput("the prompt is empty; give some text");
  }
  if (model !== undefined && model.trim() === "") {
    throw new InvalidInput("the model is empty; name one, such as local.textrank");
  }
  within(prompt ?? "", UPLOAD_LIMIT, "the prompt");
  within((messages ?? []).map(({ text }) => text).join(""), PROMPT_LIMIT, "the conversation");
  within(system ?? "", SYSTEM_LIMIT, "the system text");
  within(metadata === undefined ? "" : JSON.stringify(metadata), METADATA_LIMIT, "the metadata");
}

/** The prompt, if it must be uploaded; otherwise null. Control characters take six bytes in a request. */
export function largePrompt({ prompt }: JobInput): Uint8Array | null {
  return prompt !== undefined && bytesOf(JSON.stringify(prompt)) > PROMPT_LIMIT ? encoded(prompt) : null;
}

/** All contents that must be uploaded before the start. */
export function contentsOf(input: JobInput): Uint8Array[] {
  const large = largePrompt(input);
  const images = (input.messages ?? []).flatMap(({ images = [] }) => images);
  return [...(large === null ? [] : [large]), ...images.filter((image) => typeof image !== "string")];
}

/**
 * The variable `input` of startInference.
 *
 * @param uploads - The ids of the uploads, in the order of `contentsOf`.
 */
export function renderInput(input: JobInput, jobId: string, uploads: readonly string[]): Variables {
  const ids = [...uploads];
  const { prompt, messages, metadata, ...options } = input;
  const promptUpload = largePrompt(input) === null ? undefined : ids.shift();
  return {
    ...options,
    model: options.model ?? DEFAULT_MODEL,
    jobId,
    prompt: promptUpload === undefined ? prompt : undefined,
    promptUpload,
    messages: messages?.map(({ role, text, images = [] }) => ({
      role,
      text,
      ...(images.length > 0 && { images: images.map((it) => (typeof it === "string" ? it : (ids.shift() as string))) }),
    })),
    metadata: metadata === undefined ? undefined : JSON.stringify(metadata),
  };
}

/** The variable `input` of quoteInference, with the size of the text in place of the text. */
export function renderQuote(input: JobInput): Variables {
  const texts = [input.prompt ?? "", input.system ?? "", ...(input.messages ?? []).map(({ text }) => text)];
  return {
    model: input.model ?? DEFAULT_MODEL,
    textBytes: texts.reduce((sum, text) => sum + bytesOf(text), 0),
    maxTokens: input.maxTokens,
    processTime: input.processTime,
  };
}

/**
 * Checks the size of an upload.
 *
 * @throws InvalidInput - The content is empty, or too large.
 */
export function checkUpload(content: Uint8Array): void {
  if (content.length < 1 || content.length > UPLOAD_LIMIT) {
    throw new InvalidInput(`an upload must have 1 to ${UPLOAD_LIMIT} bytes, and this one has ${content.length}`);
  }
}

function within(text: string, limit: number, name: string): void {
  const size = bytesOf(text);
  if (size <= limit) return;
  throw new InvalidInput(`${name} has ${size} bytes of UTF-8, and at most ${limit} are allowed; shorten it`);
}

function bytesOf(text: string): number {
  return encoded(text).length;
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
