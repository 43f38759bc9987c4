import type { FinishReason, InferUIMessageChunk } from "ai";
import { hasEnded, type JobView } from "../view.ts";
import type { LongcallMetadata, LongcallUIMessage } from "./messages.ts";

/** A piece of an answer, as AI SDK reads it. */
export type Chunk = InferUIMessageChunk<LongcallUIMessage>;

const REASONS: Readonly<Record<string, FinishReason>> = {
  BUDGET_EXCEEDED: "length",
  GUARDRAIL_INTERVENED: "content-filter",
};

/**
 * The chunks of one answer: the text of a job, its state, and how it ended.
 *
 * When a new attempt discards text that was sent, the text begins again. The text of a completed job is its result.
 *
 * @param views - One view for each event of the job, in order, or only its last one. If the iteration ends before the
 *   job does, the text ends too, and the answer counts as aborted.
 */
export async function* chunksOf(views: AsyncIterable<JobView>): AsyncGenerator<Chunk, void, undefined> {
  const answer = new Answer();
  let last: JobView | null = null;
  for await (const view of views) {
    if (last === null) yield* answer.begin(view);
    if (last === null || hasChanged(last, view)) yield stateOf(view);
    yield* answer.write(view);
    yield* answer.reason(view);
    last = view;
  }
  yield* answer.end();
  if (last !== null && hasEnded(last)) yield* endOf(last);
  else yield { type: "abort", reason: "detached from the job, which may continue" };
}

/** The text and the reasoning of an answer, as far as they were sent. */
class Answer {
  #jobId = "";
  #attempt = 0;
  #text = "";
  #reasoning: string | null = null; // the last line about it, while there is no text
  #isWriting = false;
  #hasStep = false;

  *begin({ jobId, model }: JobView): Generator<Chunk> {
    this.#jobId = jobId;
    yield { type: "start", messageId: jobId, messageMetadata: { jobId, model } };
  }

  /** The log has no reasoning, but a line from time to time: "thinking, 400 characters so far". */
  *reason({ message, output }: JobView): Generator<Chunk> {
    if (message === null || message === this.#reasoning || output !== "" || !message.startsWith("thinking")) return;
    yield* this.#step();
    const id = this.#jobId;
    if (this.#reasoning === null) yield { type: "reasoning-start", id };
    yield { type: "reasoning-delta", id, delta: this.#reasoning === null ? message : `\n${message}` };
    this.#reasoning = message;
  }

  *write(view: JobView): Generator<Chunk> {
    const isNext = view.attempt === this.#attempt && view.output.length === this.#text.length + view.delta.length;
    this.#attempt = view.attempt;
    if (isNext) yield* this.#append(view.delta);
    else if (view.output.startsWith(this.#text)) yield* this.#append(view.output.slice(this.#text.length));
    else yield* this.#replace(view.output);
    this.#text = view.output;
    const isOther = view.status === "COMPLETED" && view.result !== null && view.result !== this.#text;
    if (isOther) yield* this.#replace(view.result ?? "");
  }

  *end(): Generator<Chunk> {
    yield* this.#endReasoning();
    if (this.#isWriting) yield { type: "text-end", id: this.#jobId };
    if (this.#hasStep) yield { type: "finish-step" };
  }

  /** A step is what `reset-step` clears. The state of the job comes before it, and so is not cleared. */
  *#step(): Generator<Chunk> {
    if (!this.#hasStep) yield { type: "start-step" };
    this.#hasStep = true;
  }

  *#append(delta: string): Generator<Chunk> {
    if (delta === "") return;
    yield* this.#step();
    yield* this.#endReasoning();
    if (!this.#isWriting) yield { type: "text-start", id: this.#jobId };
    this.#isWriting = true;
    yield { type: "text-delta", id: this.#jobId, delta };
  }

  *#replace(text: string): Generator<Chunk> {
    if (this.#hasStep) yield { type: "reset-step" };
    this.#reasoning = null;
    this.#isWriting = false;
    yield* this.#append(text);
  }

  *#endReasoning(): Generator<Chunk> {
    if (this.#reasoning !== null) yield { type: "reasoning-end", id: this.#jobId };
    this.#reasoning = null;
  }
}

function hasChanged(one: JobView, other: JobView): boolean {
  const { status, progress, message, attempt } = other;
  return one.status !== status || one.progress !== progress || one.message !== message || one.attempt !== attempt;
}

function stateOf({ jobId, status, progress, message, attempt }: JobView): Chunk {
  return { type: "data-job", id: jobId, data: { status, progress, message, attempt } };
}

function* endOf(view: JobView): Generator<Chunk> {
  const messageMetadata = metadataOf(view);
  switch (view.status) {
    case "COMPLETED":
      yield { type: "finish", finishReason: "stop", messageMetadata };
      break;
    case "FAILED":
      yield { type: "finish", finishReason: REASONS[view.errorType ?? ""] ?? "error", messageMetadata };
      yield { type: "error", errorText: view.error ?? "the job failed without a reason" };
      break;
    case "CANCELLED":
      yield { type: "abort", reason: "the job was cancelled" };
      yield { type: "finish", finishReason: "interrupted", messageMetadata };
      break;
    default:
      yield { type: "finish", finishReason: "other", messageMetadata };
  }
}

function metadataOf({ jobId, model, usage, cost }: JobView): LongcallMetadata {
  return { jobId, model, ...(usage !== null && { usage }), ...(cost !== null && { cost }) };
}
