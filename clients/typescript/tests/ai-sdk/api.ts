import type { ChatInit } from "ai";
import { LongcallChatTransport, type LongcallChatTransportOptions } from "../../src/ai-sdk/index.ts";
import type { LongcallUIMessage } from "../../src/ai-sdk/messages.ts";
import { lambdaToken } from "../../src/authorization.ts";
import { type Client, createClient } from "../../src/client.ts";
import { event, type Fields, World } from "../world.ts";
import { PlainChat } from "./plain-chat.ts";

/** An API that runs one job at a time: the newest one that was started. */
export class JobApi {
  readonly world: World = new World();
  readonly started: Fields[] = []; // the inputs
  readonly cancelled: string[] = [];
  readonly client: Client;

  constructor() {
    const { answers, log } = this.world;
    this.client = createClient({
      graphqlUrl: "http://host/graphql",
      authorization: lambdaToken(() => "t"),
      environment: this.world,
    });
    answers.set("startInference", ({ input }) => {
      this.started.push(input as Fields);
      log.length = 0;
      log.push(this.#event(1, { status: "PENDING", attempt: 0, delta: null }));
      return log[0];
    });
    answers.set("cancelInference", ({ jobId }) => {
      this.cancelled.push(String(jobId));
      this.report({ status: "CANCELLED", delta: null });
      return log.at(-1);
    });
    answers.set("listInferences", () => ({ items: log.slice(-1), nextToken: null }));
    answers.set("getInference", () => {
      const end = log.at(-1);
      if (end === undefined) return null;
      const output = log.map(({ delta }) => delta ?? "").join("");
      return { ...end, output, ...(end.resultIsOutput === true && { result: output, resultOmitted: false }) };
    });
  }

  get jobId(): string {
    return String(this.started.at(-1)?.jobId);
  }

  /** Writes an event to the log of the newest job, and pushes it. */
  report(fields: Fields): void {
    const reported = this.#event(this.world.log.length + 1, fields);
    this.world.log.push(reported);
    this.world.pushToAll(reported);
  }

  /** Ends the newest job. Its result is its output. */
  complete(): void {
    this.report({ status: "COMPLETED", resultIsOutput: true, resultOmitted: true, delta: null });
  }

  #event(sequence: number, fields: Fields): Fields {
    return { ...event(sequence), jobId: this.jobId, metadata: this.started.at(-1)?.metadata, ...fields };
  }
}

export function chatOn(
  api: JobApi,
  options: Partial<LongcallChatTransportOptions> = {},
  init: ChatInit<LongcallUIMessage> = {},
): PlainChat {
  const transport = new LongcallChatTransport({ client: api.client, model: "m", ...options });
  return new PlainChat({ id: "chat-1", transport, ...init });
}
