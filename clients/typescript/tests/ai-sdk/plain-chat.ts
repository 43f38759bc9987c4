import { AbstractChat, type ChatInit, type ChatState, type ChatStatus } from "ai";
import type { LongcallUIMessage } from "../../src/ai-sdk/messages.ts";

/** A chat without a framework. */
export class PlainChat extends AbstractChat<LongcallUIMessage> {
  constructor({ messages = [], ...init }: ChatInit<LongcallUIMessage>) {
    super({ ...init, state: new PlainState(messages) });
  }

  /** The text of the newest answer; empty if there is none after the newest question. */
  get text(): string {
    return this.lastMessage?.role === "assistant" ? textOf(this.lastMessage) : "";
  }
}

class PlainState implements ChatState<LongcallUIMessage> {
  status: ChatStatus = "ready";
  error: Error | undefined = undefined;
  messages: LongcallUIMessage[];

  constructor(messages: LongcallUIMessage[]) {
    this.messages = messages;
  }

  pushMessage = (message: LongcallUIMessage): void => {
    this.messages = [...this.messages, message];
  };

  popMessage = (): void => {
    this.messages = this.messages.slice(0, -1);
  };

  replaceMessage = (index: number, message: LongcallUIMessage): void => {
    this.messages = this.messages.map((other, at) => (at === index ? message : other));
  };

  snapshot = <T>(thing: T): T => structuredClone(thing);
}

export function textOf(message: LongcallUIMessage | undefined): string {
  return (message?.parts ?? []).map((part) => (part.type === "text" ? part.text : "")).join("");
}
