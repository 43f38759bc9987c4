import { describe, expect, it } from "vitest";
import { InvalidInput, ProtocolError } from "../../src/errors.ts";
import { chatOn, JobApi } from "./api.ts";
import { type PlainChat, textOf } from "./plain-chat.ts";

type Options = Parameters<typeof chatOn>[1];

/** A chat that shows the first words of an answer. */
async function answering(options: Options = {}) {
  const api = new JobApi();
  const chat = chatOn(api, options);
  const sent = chat.sendMessage({ text: "Hi" });
  await api.world.settle();
  api.report({ delta: "One " });
  api.report({ delta: "two " });
  await api.world.settle();
  expect([chat.text, chat.status]).toEqual(["One two ", "streaming"]);
  return { api, chat, sent };
}

/** The same chat after a reload of the page: only what was stored is left. */
function reloaded(api: JobApi, { messages }: PlainChat, options: Options = {}): PlainChat {
  return chatOn(api, options, { messages: structuredClone(messages) });
}

describe("a chat", () => {
  it("is answered by a job whose id is that of the answer", async () => {
    const { api, chat, sent } = await answering();
    api.report({ delta: "three", usage: '{"outputTokens":3}' });
    api.complete();
    await sent;
    expect(api.started).toMatchObject([{ prompt: "Hi", model: "m", metadata: '{"chatId":"chat-1"}' }]);
    expect([chat.text, chat.status, chat.messages.length]).toEqual(["One two three", "ready", 2]);
    expect(chat.lastMessage).toMatchObject({
      id: api.jobId,
      role: "assistant",
      metadata: { jobId: api.jobId, model: "m" },
    });
  });

  it("sends the conversation, and the fields of the body", async () => {
    const { api, chat, sent } = await answering();
    api.complete();
    await sent;
    void chat.sendMessage({ text: "And?" }, { body: { temperature: 0.5 } });
    await api.world.settle();
    expect(api.started.at(-1)).toMatchObject({
      temperature: 0.5,
      messages: [
        { role: "USER", text: "Hi" },
        { role: "ASSISTANT", text: "One two " },
        { role: "USER", text: "And?" },
      ],
    });
    api.client.close();
  });

  it("starts the job that the application makes of the request", async () => {
    const jobs: unknown[] = [];
    const { api } = await answering({
      input: ({ messages, chatId }) => ({ prompt: `${messages.length} in ${chatId}`, metadata: { by: "app" } }),
      onJob: (...job) => {
        jobs.push(job);
      },
    });
    expect(api.started).toMatchObject([{ prompt: "1 in chat-1", model: "m" }]);
    expect(JSON.parse(String(api.started[0]?.metadata))).toEqual({ by: "app", chatId: "chat-1" });
    expect(jobs).toEqual([["chat-1", api.jobId]]);
    api.client.close();
  });

  it("shows the error of a failed job, and keeps its text", async () => {
    const { api, chat, sent } = await answering();
    api.report({ status: "FAILED", error: "out of words", errorType: "WORKLOAD_FAILED", delta: null });
    await sent;
    expect([chat.status, chat.error?.message, chat.text]).toEqual(["error", "out of words", "One two "]);
    expect(chat.lastMessage?.parts).toContainEqual(expect.objectContaining({ type: "text", state: "done" }));
  });

  it("shows an error of the API with its class", async () => {
    const api = new JobApi();
    api.world.answers.set("startInference", () => null);
    const chat = chatOn(api);
    await chat.sendMessage({ text: "Hi" });
    expect(chat.error).toBeInstanceOf(ProtocolError);
    expect(chat.messages).toHaveLength(1);
  });

  it("refuses metadata to which the id of the chat cannot be added", async () => {
    const chat = chatOn(new JobApi(), { input: () => ({ prompt: "Hi", metadata: ["no"] }) });
    await chat.sendMessage({ text: "Hi" });
    expect(chat.error).toBeInstanceOf(InvalidInput);
  });
});

describe("a chat that is stopped", () => {
  it("cancels its job, and keeps the text", async () => {
    const { api, chat } = await answering();
    await chat.stop();
    await api.world.settle();
    expect(api.cancelled).toEqual([api.jobId]);
    expect([chat.text, chat.status, chat.error]).toEqual(["One two ", "ready", undefined]);
  });

  it("cancels its job after a resume too", async () => {
    const { api, chat } = await answering();
    const other = reloaded(api, chat);
    const resumed = other.resumeStream();
    await api.world.settle();
    await other.stop();
    await resumed;
    await api.world.settle();
    expect(api.cancelled).toEqual([api.jobId]);
    await api.world.advance(10_000);
    expect([chat.text, chat.status]).toEqual(["One two ", "ready"]); // the first page sees it
  });

  it("cancels a job whose start is on its way", async () => {
    const api = new JobApi();
    const start = api.world.answers.get("startInference") as (variables: object) => unknown;
    let arrive: () => void = () => undefined;
    api.world.answers.set("startInference", async (variables) => {
      await new Promise<void>((resolve) => {
        arrive = resolve;
      });
      return start(variables);
    });
    const chat = chatOn(api);
    const sent = chat.sendMessage({ text: "Hi" });
    await api.world.settle();
    await chat.stop();
    expect(api.cancelled).toEqual([]);
    arrive();
    await sent;
    await api.world.settle();
    expect(api.cancelled).toEqual([api.jobId]);
  });

  it("starts no job if it was not subscribed yet", async () => {
    const api = new JobApi();
    api.world.isSilent = true;
    const chat = chatOn(api);
    const sent = chat.sendMessage({ text: "Hi" });
    await api.world.settle();
    await chat.stop();
    await sent;
    await api.world.settle();
    expect(api.started).toEqual([]);
  });

  it("cancels the job that a resume is still looking for", async () => {
    const { api, chat } = await answering();
    const other = reloaded(api, chat);
    const resumed = other.resumeStream();
    await other.stop();
    await resumed;
    await api.world.settle();
    expect(api.cancelled).toEqual([api.jobId]);
  });

  it("only detaches if told so", async () => {
    const { api, chat } = await answering({ onStop: "detach" });
    await chat.stop();
    await api.world.settle();
    expect([api.cancelled, chat.status, api.world.socket.stopped.length]).toEqual([[], "ready", 1]);
  });

  it("reports that its job could not be cancelled", async () => {
    const failures: unknown[] = [];
    const { api, chat } = await answering({ onCancelFailed: (...failure) => failures.push(failure) });
    api.world.answers.set("cancelInference", () => null);
    await chat.stop();
    await api.world.settle();
    expect(failures).toEqual([[expect.any(ProtocolError), api.jobId]]);
  });
});

describe("a chat that reconnects", () => {
  it("replaces what it has of the answer, and follows it to its end", async () => {
    const { api, chat } = await answering();
    const other = reloaded(api, chat);
    const resumed = other.resumeStream();
    await api.world.settle();
    expect(other.text).toBe("One two ");
    api.report({ delta: "three" });
    api.complete();
    await resumed;
    expect([other.text, other.messages.length, other.status]).toEqual(["One two three", 2, "ready"]);
    expect(chat.text).toBe("One two three");
  });

  it("shows the whole answer of a job that ended meanwhile, without a subscription", async () => {
    const { api, chat } = await answering();
    const other = reloaded(api, chat);
    api.report({ delta: "three" });
    api.complete();
    await api.world.settle();
    const { length } = api.world.socket.started;
    await other.resumeStream();
    expect([other.text, other.status, api.world.socket.started.length]).toEqual(["One two three", "ready", length]);
  });

  it("finds the answer without anything that was stored", async () => {
    const { api } = await answering();
    const other = chatOn(api);
    const resumed = other.resumeStream();
    await api.world.settle();
    expect([other.text, other.lastMessage?.id]).toEqual(["One two ", api.jobId]);
    api.complete();
    await resumed;
  });

  it("asks the application for the job, and needs no list", async () => {
    const { api, chat } = await answering();
    api.world.answers.set("listInferences", () => null);
    const other = reloaded(api, chat, { jobOf: (chatId) => (chatId === "chat-1" ? api.jobId : null) });
    const resumed = other.resumeStream();
    api.complete();
    await resumed;
    expect(textOf(other.lastMessage)).toBe("One two ");
  });

  it.each([
    ["has no job", { jobOf: () => null }],
    ["has a job that was deleted", { jobOf: () => "123e4567-e89b-42d3-a456-426614174000" }],
    ["is not the chat of any job", {}],
  ])("stays as it is if it %s", async (_, options) => {
    const chat = chatOn(new JobApi(), options);
    await chat.resumeStream();
    expect([chat.messages, chat.status, chat.error]).toEqual([[], "ready", undefined]);
  });

  it("does not cancel its job when it reconnects again at once", async () => {
    const { api, chat } = await answering();
    const other = reloaded(api, chat);
    const first = other.resumeStream();
    const second = other.resumeStream();
    await api.world.settle();
    api.report({ delta: "three" });
    api.complete();
    await Promise.all([first, second]);
    expect([api.cancelled, other.text]).toEqual([[], "One two three"]);
  });
});
