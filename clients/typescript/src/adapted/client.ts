import { type Client, type CommonOptions, LongcallClient } from "../client.ts";
import { hostEnvironment } from "../environment.ts";
import { Unreachable } from "../errors.ts";
import { Objects } from "../objects.ts";
import { Requests, type Send, type Variables } from "../requests.ts";
import { DEFAULT_TIMING } from "../timing.ts";
import { AdaptedListening } from "./listening.ts";

/** Hears what happens to a subscription. */
export interface Hears {
  /** The server has acknowledged it, for the first time or after a new connection. */
  acknowledged(): void;
  /** A push arrived; `fields` is what the subscription's field has. */
  pushed(fields: unknown): void;
  /** It has ended. Nothing follows. */
  failed(error: Error): void;
}

/** What the client of another library must do. */
export interface Foreign {
  /** Sends a query or a mutation, and returns the data. Rejects with a LongcallError. */
  ask(query: string, variables: Variables): Promise<unknown>;
  /** Subscribes. Returns what ends the subscription. */
  subscribe(query: string, variables: Variables, hears: Hears): () => void;
}

/** A client of Longcall that reaches its API through the client of another library. */
export function clientThrough(foreign: Foreign, options: CommonOptions): Client {
  const environment = options.environment ?? hostEnvironment();
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const send: Send = (query, variables, stop) =>
    new Promise((resolve, reject) => {
      const abandon = (): void => reject(new Unreachable("no answer from the API; check the network"));
      const cancel = environment.after(timing.answer, abandon);
      const forget = stop.on(abandon);
      foreign
        .ask(query.replace("~", options.typePrefix ?? ""), variables)
        .then((data) => resolve(data as Record<string, unknown>), reject)
        .finally(() => {
          cancel();
          forget();
        });
    });
  return new LongcallClient({
    ...options,
    timing,
    environment,
    requests: new Requests(send, timing, environment),
    objects: new Objects(environment),
    realtime: new AdaptedListening(foreign, timing, environment),
  });
}
