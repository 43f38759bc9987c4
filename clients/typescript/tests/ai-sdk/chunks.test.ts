import { readUIMessageStream } from "ai";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Chunk, chunksOf } from "../../src/ai-sdk/chunks.ts";
import type { LongcallUIMessage } from "../../src/ai-sdk/messages.ts";
import { type Event, parseEvent } from "../../src/model.ts";
import { emptyView, type JobView, mergeEvent } from "../../src/view.ts";
import { event, type Fields, JOB } from "../world.ts";

/** The view after each event. */
async function* viewsOf(events: readonly Event[]): AsyncGenerator<JobView> {
  let view = emptyView(JOB);
  for (const it of events) {
    view = mergeEvent(view, it);
    yield view;
  }
}

function logOf(...steps: Fields[]): Event[] {
  return steps.map((fields, index) => parseEvent(event(index + 1, { delta: null, ...fields })));
}

async function chunks(...steps: Fields[]): Promise<Chunk[]> {
  const found: Chunk[] = [];
  for await (const chunk of chunksOf(viewsOf(logOf(...steps)))) found.push(chunk);
  return found;
}

/** The message that AI SDK makes of the chunks. */
async function messageOf(given: AsyncIterable<Chunk>): Promise<LongcallUIMessage> {
  const iterator = given[Symbol.asyncIterator]();
  const stream = new ReadableStream<Chunk>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  let last: LongcallUIMessage | undefined;
  for await (const message of readUIMessageStream<LongcallUIMessage>({ stream })) last = message;
  return last as LongcallUIMessage;
}

const textsOf = ({ parts }: LongcallUIMessage) => parts.flatMap((part) => (part.type === "text" ? [part] : []));
const COMPLETED = { status: "COMPLETED", resultIsOutput: true };

describe("the chunks of an answer", () => {
  it("are its text, its state, and its end with usage", async () => {
    const end = { ...COMPLETED, usage: '{"outputTokens":2}' };
    expect(
      await chunks({ status: "PENDING", attempt: 0 }, { delta: "On" }, { delta: "e", progress: 0.5 }, end),
    ).toEqual([
      { type: "start", messageId: JOB, messageMetadata: { jobId: JOB, model: "m" } },
      { type: "data-job", id: JOB, data: { status: "PENDING", progress: null, message: null, attempt: 0 } },
      { type: "data-job", id: JOB, data: { status: "PROCESSING", progress: null, message: null, attempt: 1 } },
      { type: "start-step" },
      { type: "text-start", id: JOB },
      { type: "text-delta", id: JOB, delta: "On" },
      { type: "data-job", id: JOB, data: { status: "PROCESSING", progress: 0.5, message: null, attempt: 1 } },
      { type: "text-delta", id: JOB, delta: "e" },
      { type: "data-job", id: JOB, data: { status: "COMPLETED", progress: null, message: null, attempt: 1 } },
      { type: "text-end", id: JOB },
      { type: "finish-step" },
      { type: "finish", finishReason: "stop", messageMetadata: { jobId: JOB, model: "m", usage: { outputTokens: 2 } } },
    ]);
  });

  it("begin the text again when a new attempt keeps only a part of it", async () => {
    const found = await chunks(
      { delta: "One two" },
      { attempt: 2, outputKept: 4, delta: "three" },
      { attempt: 2, ...COMPLETED },
    );
    expect(found.filter(({ type }) => !type.startsWith("data")).slice(2, -3)).toEqual([
      { type: "text-start", id: JOB },
      { type: "text-delta", id: JOB, delta: "One two" },
      { type: "reset-step" },
      { type: "text-start", id: JOB },
      { type: "text-delta", id: JOB, delta: "One three" },
    ]);
  });

  it("continue the text when a new attempt keeps it all", async () => {
    const found = await chunks(
      { delta: "One" },
      { attempt: 2, outputKept: 3, delta: " two" },
      { attempt: 2, ...COMPLETED },
    );
    expect(found.flatMap((chunk) => (chunk.type === "text-delta" ? [chunk.delta] : []))).toEqual(["One", " two"]);
    expect(found).not.toContainEqual({ type: "reset-step" });
  });

  it("have lines about reasoning until there is text", async () => {
    const steps = [{ message: "reading" }, { message: "thinking, 1 so far" }, { message: "thinking, 200 so far" }];
    const message = await messageOf(
      chunksOf(viewsOf(logOf(...steps, { delta: "42", message: "answering" }, COMPLETED))),
    );
    const [job, ...parts] = message.parts;
    expect(job).toMatchObject({ type: "data-job", data: { status: "COMPLETED", message: null } });
    expect(parts).toMatchObject([
      { type: "step-start" },
      { type: "reasoning", text: "thinking, 1 so far\nthinking, 200 so far", state: "done" },
      { type: "text", text: "42", state: "done" },
    ]);
  });

  it.each([
    ["WORKLOAD_FAILED", "error"],
    ["BUDGET_EXCEEDED", "length"],
    ["GUARDRAIL_INTERVENED", "content-filter"],
    ["FROM_THE_FUTURE", "error"],
  ])("end with the error of a job that failed as %s", async (errorType, finishReason) => {
    const found = await chunks({ delta: "One" }, { status: "FAILED", error: "no more", errorType });
    expect(found.slice(-4)).toEqual([
      { type: "text-end", id: JOB },
      { type: "finish-step" },
      { type: "finish", finishReason, messageMetadata: { jobId: JOB, model: "m" } },
      { type: "error", errorText: "no more" },
    ]);
  });

  it("end as interrupted if the job was cancelled", async () => {
    const found = await chunks({ delta: "One" }, { status: "CANCELLED" });
    expect(found.slice(-2)).toMatchObject([{ type: "abort" }, { type: "finish", finishReason: "interrupted" }]);
  });

  it("end as aborted if the views end before the job does", async () => {
    expect((await chunks({ delta: "One" })).slice(-3)).toMatchObject([
      { type: "text-end" },
      { type: "finish-step" },
      { type: "abort" },
    ]);
  });

  it("end with the result, if that is not the output", async () => {
    const steps = [{ delta: "draft" }, { status: "COMPLETED", result: "final" }];
    expect(textsOf(await messageOf(chunksOf(viewsOf(logOf(...steps)))))).toEqual([
      { type: "text", text: "final", state: "done" },
    ]);
  });

  it("make a message whose text is the output, whatever attempts the job had", async () => {
    const delta = fc.string({ unit: "grapheme", maxLength: 8 });
    const attempts = fc.array(fc.record({ kept: fc.nat(30), deltas: fc.array(delta, { maxLength: 5 }) }), {
      minLength: 1,
    });
    await fc.assert(
      fc.asyncProperty(attempts, async (given) => {
        const steps = given.flatMap(({ kept, deltas }, index) => [
          { attempt: index + 1, ...(index > 0 && { outputKept: kept }), message: kept % 2 ? "thinking" : null },
          ...deltas.map((delta) => ({ attempt: index + 1, delta })),
        ]);
        const events = logOf(...steps, { ...COMPLETED, attempt: given.length });
        const { output } = events.reduce(mergeEvent, emptyView(JOB));
        const message = await messageOf(chunksOf(viewsOf(events)));
        expect(textsOf(message).map(({ text }) => text)).toEqual(output === "" ? [] : [output]);
        expect(message.parts.filter(({ type }) => type === "data-job")).toHaveLength(1);
      }),
    );
  });
});
