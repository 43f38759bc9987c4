import type { FileUIPart, UIMessage } from "ai";
import { InvalidInput } from "../errors.ts";
import type { JobInput, Message } from "../input.ts";

const IMAGE = /^data:image\/(?:png|jpeg|gif|webp);base64,/;
const BREAK = "\n\n"; // between texts that become one

/** The part of a job's input that a chat determines. */
export type Conversation = Pick<JobInput, "prompt" | "messages" | "system">;

/**
 * The messages of a chat as a job takes them: USER and ASSISTANT in turn, beginning with the USER.
 *
 * Texts of one speaker in a row are joined, texts of the system become `system`, and an answer before the first
 * question is left out, as are reasoning, data and tools. A single question without images is a `prompt`, which every
 * model takes.
 *
 * @throws InvalidInput - A file is not an image that can be sent.
 */
export function conversationOf(messages: readonly UIMessage[]): Conversation {
  const system = messages.filter(({ role }) => role === "system").map(textOf);
  const turns: Message[] = [];
  for (const message of messages) {
    if (message.role === "system") continue;
    const role = message.role === "user" ? "USER" : "ASSISTANT";
    const text = textOf(message);
    const images = role === "USER" ? message.parts.filter(isFile).map(imageOf) : [];
    if ((text.trim() === "" && images.length === 0) || (turns.length === 0 && role === "ASSISTANT")) continue;
    const last = turns.at(-1);
    if (last?.role === role) turns[turns.length - 1] = joined(last, text, images);
    else turns.push({ role, text, images });
  }
  const [first, ...others] = turns;
  const isPrompt = first !== undefined && others.length === 0 && first.images?.length === 0;
  return {
    ...(isPrompt ? { prompt: first.text } : { messages: turns }),
    ...(system.length > 0 && { system: system.join(BREAK) }),
  };
}

function textOf({ parts }: UIMessage): string {
  return parts.flatMap((part) => (part.type === "text" && part.text !== "" ? [part.text] : [])).join(BREAK);
}

function joined(turn: Message, text: string, images: readonly Uint8Array[]): Message {
  const texts = [turn.text, text].filter((it) => it !== "");
  return { ...turn, text: texts.join(BREAK), images: [...(turn.images ?? []), ...images] };
}

function isFile(part: UIMessage["parts"][number]): part is FileUIPart {
  return part.type === "file";
}

function imageOf({ url, mediaType, filename }: FileUIPart): Uint8Array {
  if (!IMAGE.test(url)) {
    const name = filename ?? `a file of the type ${mediaType}`;
    throw new InvalidInput(`${name} cannot be sent: attach a PNG, JPEG, GIF or WebP image as a data URL in base64`);
  }
  return Uint8Array.from(atob(url.replace(IMAGE, "")), (character) => character.charCodeAt(0));
}
