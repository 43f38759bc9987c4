// The stack that a script talks to, who signs in there, and how the script reports: one JSON object per line.
import { readFileSync } from "node:fs";

// Amplify rejects with plain objects, which Node would print as "#<Object>".
process.on("unhandledRejection", (error) => {
  process.stderr.write(`${said(error)}\n`);
  process.exit(1);
});

/** The content of the running stack's `stack.json`. */
export function readStack(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** An access token of one of the stack's users, from Cognito's InitiateAuth over plain HTTP. */
export async function signIn(stack, { username, password }) {
  const response = await fetch(stack.cognitoUrl, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth",
    },
    body: JSON.stringify({
      AuthFlow: "USER_PASSWORD_AUTH",
      ClientId: stack.clientId,
      AuthParameters: { USERNAME: username, PASSWORD: password },
    }),
  });
  if (!response.ok) throw new Error(`expected a token, and Cognito answered ${response.status}; see the stack's log`);
  return (await response.json()).AuthenticationResult.AccessToken;
}

/** The data of a request without a client library, with a user's token for the Lambda authorizer. */
export async function askDirectly(stack, token, query, variables) {
  const response = await fetch(stack.graphqlUrl, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Lambda-Auth-${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors.map((error) => error.message).join("; "));
  return data;
}

/** The same token with another signature. */
export function forged(token) {
  const [header, claims, signature] = token.split(".");
  return [header, claims, [...signature].reverse().join("")].join(".");
}

export function print(event) {
  process.stdout.write(JSON.stringify(event) + "\n");
}

/** The messages of a client's error. */
export function said(error) {
  const entries = error.errors ?? error.cause?.errors ?? [error];
  return entries.map((entry) => entry.message).join("; ");
}
