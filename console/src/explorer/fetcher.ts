import type { Fetcher } from "@graphiql/toolkit";
import { getOperationAST, parse } from "graphql";
import { hostOf } from "../../../clients/typescript/src/addresses.ts";
import { Connection } from "../../../clients/typescript/src/connection.ts";
import { hostEnvironment } from "../../../clients/typescript/src/environment.ts";
import { Realtime } from "../../../clients/typescript/src/realtime.ts";
import { Stop } from "../../../clients/typescript/src/stop.ts";
import { DEFAULT_TIMING } from "../../../clients/typescript/src/timing.ts";
import type { Configuration } from "../session/configuration.ts";

type Headers = Readonly<Record<string, string>>;

/** What a subscription has shown: every event so far, the newest last. */
interface Shown {
  readonly data: { readonly subscribed: boolean; readonly events: readonly unknown[] };
}

/**
 * Sends GraphiQL's operations: queries and mutations over HTTP, and subscriptions by AppSync's realtime protocol.
 *
 * @param authorize - The headers of the chosen user and mode. Headers that are typed in the editor replace them.
 */
export function appsyncFetcher({ graphqlUrl, realtimeUrl }: Configuration, authorize: () => Promise<Headers>): Fetcher {
  return async ({ query, variables, operationName }, options) => {
    const headers = { ...(await authorize()), ...(options?.headers as Headers | undefined) };
    const operation = getOperationAST(parse(query), operationName);
    if (operation?.operation === "subscription") {
      return subscription(realtimeUrl, graphqlUrl, headers, query, (variables ?? {}) as never);
    }
    const response = await fetch(graphqlUrl, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ query, variables, operationName }),
    });
    return response.json();
  };
}

/** The events of a subscription. Each value contains all of them, because GraphiQL shows the last value only. */
async function* subscription(
  address: string,
  graphqlUrl: string,
  headers: Headers,
  query: string,
  variables: Readonly<Record<string, never>>,
): AsyncGenerator<Shown, void, undefined> {
  const environment = hostEnvironment();
  const realtime = new Realtime(
    async () => headers,
    (given, stop) => Connection.open(address, hostOf(graphqlUrl), given, DEFAULT_TIMING, environment, stop),
  );
  const stop = new Stop();
  const events: unknown[] = [];
  let isSubscribed = false;
  let failure: unknown = null;
  let hasEnded = false;
  let wake: () => void = () => undefined;
  void realtime
    .listen(
      query,
      variables,
      (event) => {
        if (event.type === "acknowledged") isSubscribed = true;
        else events.push(event.fields);
        wake();
      },
      stop,
    )
    .catch((error: unknown) => {
      failure = error;
    })
    .finally(() => {
      hasEnded = true;
      wake();
    });
  try {
    while (!hasEnded) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (failure !== null) throw failure;
      if (isSubscribed) yield { data: { subscribed: true, events: [...events] } };
    }
  } finally {
    stop.stop();
    realtime.close();
  }
}
