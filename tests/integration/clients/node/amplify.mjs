// AWS Amplify v6, pointed at a local stack.
import { Amplify } from "aws-amplify";
import { generateClient } from "aws-amplify/api";
import { decodeJWT, signIn } from "aws-amplify/auth";
import { Hub } from "aws-amplify/utils";

/** Sign a user in at the local Cognito with Amplify's own signIn, by SRP, and call with the user pool's token. */
export async function withUserPool(stack, { username, password }) {
  configure(stack);
  await signIn({ username, password });
  return calls(stack, { authMode: "userPool" });
}

/** Call with a user pool's token from another source. */
export async function withUserPoolToken(stack, token) {
  configure(stack, { Auth: { tokenProvider: { getTokens: async () => ({ accessToken: decodeJWT(token) }) } } });
  return calls(stack, { authMode: "userPool" });
}

/** Call with a token for the Lambda authorizer: any JWT of the pool, after a prefix. */
export async function withLambdaToken(stack, token) {
  configure(stack);
  return calls(stack, { authMode: "lambda", authToken: `Lambda-Auth-${token}` });
}

export function configure(stack, libraryOptions) {
  Amplify.configure(
    {
      API: { GraphQL: { endpoint: stack.graphqlUrl, region: stack.region, defaultAuthMode: "userPool" } },
      Auth: {
        Cognito: {
          userPoolId: stack.userPoolId,
          userPoolClientId: stack.clientId,
          userPoolEndpoint: stack.cognitoUrl,
        },
      },
    },
    libraryOptions,
  );
}

/** The client that follow.mjs needs: `ask` for one answer, `listen` for a job's events. */
function calls(stack, authorization) {
  const requests = generateClient(authorization);
  // For subscriptions, Amplify changes http:// to wss:// and keeps ws://.
  const realtime = generateClient({ ...authorization, endpoint: stack.realtimeUrl });

  return {
    async ask(query, variables) {
      return (await requests.graphql({ query, variables })).data;
    },

    listen(query, variables, { acknowledged, pushed, failed }) {
      // The Hub reports when a subscription is acknowledged, and again when Amplify has reconnected.
      const forget = Hub.listen("api", ({ payload: { event, data } }) => {
        if (event === "Subscription ack" && data.variables.jobId === variables.jobId) acknowledged();
      });
      const subscription = realtime.graphql({ query, variables }).subscribe({
        next: ({ data }) => pushed(data.onInferenceStatusChange),
        error: failed,
      });
      return () => {
        forget();
        subscription.unsubscribe();
      };
    },
  };
}
