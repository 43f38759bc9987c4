// Apollo Client 4 with AWS's links for AppSync, pointed at a local stack.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { AUTH_TYPE, createAuthLink } from "aws-appsync-auth-link";
import { CONTROL_EVENTS_KEY, createSubscriptionHandshakeLink } from "aws-appsync-subscription-link";
import { tap } from "rxjs";

/** Call with a token of the user pool. */
export async function withUserPoolToken(stack, token) {
  return calls(stack, { type: AUTH_TYPE.AMAZON_COGNITO_USER_POOLS, jwtToken: async () => token });
}

/** Call with a token for the Lambda authorizer: any JWT of the pool, after a prefix. */
export async function withLambdaToken(stack, token) {
  return calls(stack, { type: AUTH_TYPE.AWS_LAMBDA, token: async () => `Lambda-Auth-${token}` });
}

// The subscription link can report `start_ack`, and Apollo Client drops messages without data: catch it between them.
const acknowledgements = new ApolloLink((operation, forward) =>
  forward(operation).pipe(
    tap(({ extensions }) => {
      if (extensions?.controlMsgType === "CONNECTED") operation.getContext().acknowledged();
    }),
  ),
);

/** The client that follow.mjs needs: `ask` for one answer, `listen` for a job's events. */
function calls(stack, auth) {
  const { graphqlUrl: url, region } = stack;
  const client = new ApolloClient({
    link: ApolloLink.from([
      createAuthLink({ url, region, auth }),
      acknowledgements,
      createSubscriptionHandshakeLink({ url, region, auth }, new HttpLink({ uri: url })),
    ]),
    cache: new InMemoryCache(),
    defaultOptions: { query: { fetchPolicy: "no-cache" }, mutate: { fetchPolicy: "no-cache" } },
  });

  return {
    async ask(text, variables) {
      const document = gql(text);
      const isMutation = document.definitions[0].operation === "mutation";
      const answer = isMutation
        ? await client.mutate({ mutation: document, variables })
        : await client.query({ query: document, variables });
      return answer.data;
    },

    listen(text, variables, { acknowledged, pushed, failed }) {
      const subscription = client
        .subscribe({
          query: gql(text),
          variables,
          fetchPolicy: "no-cache",
          context: { controlMessages: { [CONTROL_EVENTS_KEY]: true }, acknowledged },
        })
        .subscribe({
          next: ({ data, error }) => (error ? failed(error) : pushed(data.onInferenceStatusChange)),
          error: failed,
        });
      return () => subscription.unsubscribe();
    },
  };
}
