// Chats on a running stack, each reloaded while it is answered, and prints what each shows as a JSON line:
// node tests/live/chat.ts STACK.json NUMBER SECONDS
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { LongcallChatTransport } from "../../src/ai-sdk/index.ts";
import { PlainChat } from "../ai-sdk/plain-chat.ts";
import { clientOf } from "./stack.ts";

const [path, number, seconds] = process.argv.slice(2);

/** A chat on a device of its own. */
function chatOf(id: string, messages: PlainChat["messages"] = []) {
  const client = clientOf(path as string);
  const transport = new LongcallChatTransport({ client, model: "simulated.story" });
  return { client, chat: new PlainChat({ id, messages, transport }) };
}

async function untilText(chat: PlainChat): Promise<void> {
  while (chat.text === "") await sleep(20);
}

function shown({ text, lastMessage, messages, status, error }: PlainChat): object {
  const sha256 = createHash("sha256").update(text).digest("hex");
  return { jobId: lastMessage?.id, sha256, usage: lastMessage?.metadata?.usage, count: messages.length, status, error };
}

/** Asks two questions. Two devices follow the second answer, and one of them already has its first words. */
async function converse(id: string): Promise<object[]> {
  const body = { processTime: Number(seconds) };
  const first = chatOf(id);
  await first.chat.sendMessage({ text: `Question of ${id}: 日本語 😀` }, { body });
  const answers = [shown(first.chat)];
  const asked = first.chat.sendMessage({ text: "And then?" }, { body });
  await untilText(first.chat);
  const second = chatOf(id, structuredClone(first.chat.messages));
  await Promise.all([second.chat.resumeStream(), asked]);
  answers.push(shown(first.chat), shown(second.chat));
  first.client.close();
  second.client.close();
  return answers;
}

/** Stops an answer on another device than the one that asked. */
async function stop(id: string): Promise<object> {
  const first = chatOf(id);
  const asked = first.chat.sendMessage({ text: "A long story" }, { body: { processTime: 60 } });
  await untilText(first.chat);
  const second = chatOf(id);
  const resumed = second.chat.resumeStream();
  await untilText(second.chat);
  await second.chat.stop();
  await Promise.all([resumed, asked]);
  first.client.close();
  second.client.close();
  return { ...shown(first.chat), stopped: true };
}

const ids = Array.from({ length: Number(number) }, (_, index) => `chat-${index}`);
const answers = await Promise.all([...ids.map(converse), stop("chat-stopped")]);
for (const answer of answers.flat()) process.stdout.write(`${JSON.stringify(answer)}\n`);
