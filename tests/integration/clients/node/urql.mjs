// urql, pointed at a local stack. AWS's subscription link for Apollo carries its subscriptions.
import { ApolloLink, gql } from "@apollo/client";
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { AUTH_TYPE } from "aws-appsync-auth-link";
import { CONTROL_EVENTS_KEY, createSubscriptionHandshakeLink } from "aws-appsync-subscription-link";

/** Call with a token of the user pool. */
export async function withUserPoolToken(stack, token) {
  return calls(stack, { type: AUTH_TYPE.AMAZON_COGNITO_USER_POOLS, jwtToken: async () => token }, token);
}

/** Call with a token for the Lambda authorizer: any JWT of the pool, after a prefix. */
export async function withLambdaToken(stack, token) {
  const prefixed = `Lambda-Auth-${token}`;
  return calls(stack, { type: AUTH_TYPE.AWS_LAMBDA, token: async () => prefixed }, prefixed);
}

/** The client that follow.mjs needs: `ask` for one answer, `listen` for a job's events. */
function calls(stack, auth, authorization) {
  const { graphqlUrl: url, region } = stack;
  const link = createSubscriptionHandshakeLink({ url, region, auth });
  const acknowledgements = new Map(); // by the operation's variables
  const methods = new Set();
  const client = new Client({
    url,
    requestPolicy: "network-only",
    fetchOptions: { headers: { authorization } },
    fetch: (address, options) => {
      methods.add(options.method);
      return fetch(address, options);
    },
    exchanges: [
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => {
            const context = { controlMessages: { [CONTROL_EVENTS_KEY]: true } };
            const operation = { query: gql(query), variables, context };
            return ApolloLink.execute(link, operation, { client: {} }).subscribe({
              next: (result) =>
                result.extensions?.controlMsgType ? acknowledgements.get(variables.jobId)?.() : sink.next(result),
              error: (error) => sink.error(new Error(error.errors?.[0]?.message ?? error.message)),
              complete: () => sink.complete(),
            });
          },
        }),
      }),
      fetchExchange,
    ],
  });

  return {
    /** The HTTP methods that the client has used. */
    methods,

    async ask(text, variables) {
      const isMutation = text.trimStart().startsWith("mutation");
      const { data, error } = await client[isMutation ? "mutation" : "query"](text, variables).toPromise();
      if (error) throw error;
      return data;
    },

    listen(text, variables, { acknowledged, pushed, failed }) {
      acknowledgements.set(variables.jobId, acknowledged);
      const { unsubscribe } = client.subscription(text, variables).subscribe(({ data, error }) => {
        if (error) failed(error);
        else if (data) pushed(data.onInferenceStatusChange);
      });
      return unsubscribe;
    },
  };
}
