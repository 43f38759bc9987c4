import { readFileSync } from "node:fs";
import WebSocket from "ws";
import { type Client, type ClientOptions, createClient, lambdaToken, type SocketClass } from "../../src/index.ts";

/** A client of the first user of the stack that a file describes. */
export function clientOf(path: string, options: Partial<ClientOptions> = {}): Client {
  const stack = JSON.parse(readFileSync(path, "utf8"));
  let token: Promise<string> | null = null;
  return createClient({
    graphqlUrl: stack.graphqlUrl,
    realtimeUrl: stack.realtimeUrl,
    webSocket: WebSocket as unknown as SocketClass,
    authorization: lambdaToken((refresh) => {
      if (refresh || token === null) token = signIn(stack);
      return token;
    }),
    ...options,
  });
}

export async function signIn({ cognitoUrl, clientId, users: [{ username, password }] }: any): Promise<string> {
  const response = await fetch(cognitoUrl, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth",
    },
    body: JSON.stringify({
      AuthFlow: "USER_PASSWORD_AUTH",
      ClientId: clientId,
      AuthParameters: { USERNAME: username, PASSWORD: password },
    }),
  });
  const answer = (await response.json()) as { AuthenticationResult: { AccessToken: string } };
  return answer.AuthenticationResult.AccessToken;
}
