// The stack that a script talks to, who signs in there, and how the script reports: one JSON object per line.
import { readFileSync } from "node:fs";

// Amplify rejects with plain objects, of which Node would say "#<Object>".
process.on("unhandledRejection", (error) => {
  process.stderr.write(`${said(error)}\n`);
  process.exit(1);
});

/** What `stack.json` says, as the running stack wrote it. */
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
  if (!response.ok) throw new Error(`a token was expected, and Cognito answered ${response.status}; see the stack's log`);
  return (await response.json()).AuthenticationResult.AccessToken;
}

/** A request without any client library, with the Lambda authorizer's token of a user; gives its data. */
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

/** What a client says about an error: its own words, from wherever it puts them. */
export function said(error) {
  const entries = error.errors ?? error.cause?.errors ?? [error];
  return entries.map((entry) => entry.message).join("; ");
}
