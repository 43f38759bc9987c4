import { Chat } from "@ai-sdk/react";
import { createClient, lambdaToken } from "longcall";
import { LongcallChatTransport, type LongcallUIMessage } from "longcall/ai-sdk";
import type { Session } from "./session.ts";

const { VITE_GRAPHQL_URL, VITE_REALTIME_URL, VITE_MODEL } = import.meta.env;

export const MODEL: string = VITE_MODEL ?? "simulated.story";

/** The chats of one user. The API keeps the answers; the messages are kept in this browser. */
export class Chats {
  readonly #transport: LongcallChatTransport;
  readonly #user: string;
  readonly #chats = new Map<string, Chat<LongcallUIMessage>>();

  constructor({ user, token }: Session) {
    const client = createClient({
      graphqlUrl: VITE_GRAPHQL_URL,
      realtimeUrl: VITE_REALTIME_URL,
      authorization: lambdaToken(token),
    });
    this.#transport = new LongcallChatTransport({ client, model: MODEL });
    this.#user = user;
  }

  /** The chat with this id. It is created outside of any component, so that its jobs outlive the page that shows it. */
  of(id: string): Chat<LongcallUIMessage> {
    const chat = this.#chats.get(id) ?? new Chat({ id, transport: this.#transport, messages: this.#stored(id) });
    this.#chats.set(id, chat);
    return chat;
  }

  store(id: string, messages: readonly LongcallUIMessage[]): void {
    localStorage.setItem(this.#key(id), JSON.stringify(messages));
  }

  #stored(id: string): LongcallUIMessage[] {
    return JSON.parse(localStorage.getItem(this.#key(id)) ?? "[]");
  }

  #key(id: string): string {
    return `chat/${this.#user}/${id}`;
  }
}
