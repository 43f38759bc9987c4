import { Hub } from "aws-amplify/utils";
import { clientThrough, type Hears } from "../adapted/client.ts";
import { errorFrom } from "../adapted/errors.ts";
import type { Client, CommonOptions } from "../client.ts";
import { isObject } from "../faults.ts";
import type { Variables } from "../requests.ts";

/** The part of a client of Amplify that is used: what `generateClient()` returns has it. Its own types follow the document. */
export interface AmplifyClient {
  graphql(options: any): any;
}

/** Options of a client through Amplify. */
export interface AmplifyOptions extends CommonOptions {
  /**
   * The client for subscriptions, if it differs. A local stack needs one whose `endpoint` is its `realtimeUrl`, because
   * Amplify changes http:// to wss://.
   */
  readonly subscriptions?: AmplifyClient;
}

/**
 * A client of Longcall over the client of Amplify: `createAmplifyClient(generateClient())`. Amplify sends, authorizes and
 * connects; this client merges pushes and log, so that nothing is lost.
 */
export function createAmplifyClient(amplify: AmplifyClient, options: AmplifyOptions = {}): Client {
  const { subscriptions = amplify, ...common } = options;
  return clientThrough(
    {
      async ask(query, variables) {
        try {
          return (await amplify.graphql({ query, variables })).data;
        } catch (error) {
          throw errorFrom(error);
        }
      },
      subscribe: (query, variables, hears) => subscribe(subscriptions, query, variables, hears),
    },
    common,
  );
}

function subscribe(amplify: AmplifyClient, query: string, variables: Variables, hears: Hears): () => void {
  // Amplify reports acknowledgements to its Hub only: the first one, and one after each reconnect.
  const forget = Hub.listen("api", ({ payload: { event, data } }) => {
    const about = isObject(data) && isObject(data.variables) ? data.variables : {};
    if (event === "Subscription ack" && isSame(about, variables)) hears.acknowledged();
  });
  const subscription = amplify.graphql({ query, variables }).subscribe({
    next: ({ data }: { data: unknown }) => hears.pushed(isObject(data) ? Object.values(data)[0] : null),
    error: (error: unknown) => hears.failed(errorFrom(error)),
  });
  return () => {
    forget();
    subscription.unsubscribe();
  };
}

function isSame(some: Record<string, unknown>, others: Variables): boolean {
  const names = Object.keys(others);
  return names.length === Object.keys(some).length && names.every((name) => some[name] === others[name]);
}
