import type { TokenProvider } from "longcall";

const DOCUMENT = `subscription Naive($jobId: ID!) {
  onInferenceStatusChange(jobId: $jobId) { jobId sequence status delta }
}`;

/** What somebody shows who trusts the pushes. */
export interface Naive {
  readonly output: string;
  /** How many pushes of each event arrived, by sequence. */
  readonly pushes: ReadonlyMap<number, number>;
  readonly isConnected: boolean;
}

const NOTHING: Naive = { output: "", pushes: new Map(), isConnected: false };

/**
 * A subscriber as one writes it first: it appends every push to its output, in the order of arrival, and never reads the
 * log. It is here to be compared with the client, so it must not be better than that.
 */
export class NaiveSubscriber {
  #naive: Naive = NOTHING;
  #socket: WebSocket | null = null;
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly getSnapshot = (): Naive => this.#naive;

  /** Subscribes to a job, and waits for `start_ack`. A connection that is cut is not opened again. */
  async follow(jobId: string, realtimeUrl: string, graphqlUrl: string, tokens: TokenProvider): Promise<void> {
    this.close();
    this.#change(NOTHING);
    const authorization = { Authorization: `Lambda-Auth-${await tokens(false)}`, host: new URL(graphqlUrl).host };
    const socket = new WebSocket(realtimeUrl, ["graphql-ws", `header-${base64url(JSON.stringify(authorization))}`]);
    this.#socket = socket;
    const data = JSON.stringify({ query: DOCUMENT, variables: { jobId } });
    await new Promise<void>((resolve) => {
      socket.onopen = () => socket.send(JSON.stringify({ type: "connection_init" }));
      socket.onclose = () => {
        if (this.#socket === socket) this.#change({ ...this.#naive, isConnected: false });
        resolve();
      };
      socket.onmessage = ({ data: text }) => {
        const message = JSON.parse(String(text)) as Message;
        if (message.type === "connection_ack") {
          const payload = { data, extensions: { authorization } };
          socket.send(JSON.stringify({ id: "naive", type: "start", payload }));
        } else if (message.type === "start_ack") {
          this.#change({ ...this.#naive, isConnected: true });
          resolve();
        } else if (message.type === "data") {
          this.#append(message.payload.data.onInferenceStatusChange);
        }
      };
    });
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #append({ sequence, delta }: Push): void {
    const pushes = new Map(this.#naive.pushes).set(sequence, (this.#naive.pushes.get(sequence) ?? 0) + 1);
    this.#change({ ...this.#naive, output: this.#naive.output + (delta ?? ""), pushes });
  }

  #change(naive: Naive): void {
    this.#naive = naive;
    for (const listener of this.#listeners) listener();
  }
}

interface Push {
  readonly sequence: number;
  readonly delta: string | null;
}

type Message =
  | { readonly type: "connection_ack" | "start_ack" | "ka" | "complete" | "error" | "connection_error" }
  | { readonly type: "data"; readonly payload: { readonly data: { readonly onInferenceStatusChange: Push } } };

function base64url(text: string): string {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** How many of the first `last` events did not arrive, and how many pushes were repetitions. */
export function lossesOf(pushes: ReadonlyMap<number, number>, last: number): { missing: number; repeated: number } {
  let missing = 0;
  for (let sequence = 1; sequence <= last; sequence += 1) if (!pushes.has(sequence)) missing += 1;
  let repeated = 0;
  for (const count of pushes.values()) repeated += count - 1;
  return { missing, repeated };
}
