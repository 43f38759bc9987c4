import { type ApolloClient, ApolloLink, gql } from "@apollo/client/core";
import { CONTROL_EVENTS_KEY } from "aws-appsync-subscription-link";
import { clientThrough, type Hears } from "../adapted/client.ts";
import { errorFrom } from "../adapted/errors.ts";
import type { Client, CommonOptions } from "../client.ts";
import { Unreachable } from "../errors.ts";
import type { Variables } from "../requests.ts";

type Result = ApolloLink.Result;

/**
 * A client of Longcall over an Apollo Client, whose link must contain `createSubscriptionHandshakeLink` of
 * aws-appsync-subscription-link. The links send, authorize and connect; this client merges pushes and log, so that
 * nothing is lost. Nothing is read from Apollo's cache or written to it.
 */
export function createApolloClient(apollo: ApolloClient, options: CommonOptions = {}): Client {
  return clientThrough(
    {
      ask: (query, variables) => ask(apollo, query, variables),
      subscribe: (query, variables, hears) => subscribe(apollo, query, variables, hears),
    },
    options,
  );
}

/** What the links return for an operation. Apollo Client itself would drop `start_ack`, which has no data. */
function execute(apollo: ApolloClient, query: string, variables: Variables, context: object) {
  return ApolloLink.execute(apollo.link, { query: gql(query), variables, context }, { client: apollo });
}

function ask(apollo: ApolloClient, query: string, variables: Variables): Promise<unknown> {
  return new Promise((resolve, reject) => {
    execute(apollo, query, variables, {}).subscribe({
      next: (result: Result) => (result.errors?.length ? reject(errorFrom(result)) : resolve(result.data)),
      error: (error: unknown) => reject(errorFrom(error)),
      complete: () => reject(new Unreachable("Apollo's link ended without an answer; check its settings")),
    });
  });
}

function subscribe(apollo: ApolloClient, query: string, variables: Variables, hears: Hears): () => void {
  const context = { controlMessages: { [CONTROL_EVENTS_KEY]: true } };
  const subscription = execute(apollo, query, variables, context).subscribe({
    next: ({ data, errors, extensions }: Result) => {
      if (extensions?.controlMsgType === "CONNECTED") hears.acknowledged();
      else if (extensions?.controlMsgType === undefined) hears.pushed(errors ? null : Object.values(data ?? {})[0]);
    },
    error: (error: unknown) => hears.failed(errorFrom(error)),
    complete: () => hears.failed(new Unreachable("the server ended the subscription")),
  });
  return () => subscription.unsubscribe();
}
