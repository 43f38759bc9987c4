import { readFileSync } from "node:fs";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client/core";
import { Amplify } from "aws-amplify";
import { generateClient } from "aws-amplify/api";
import { AUTH_TYPE, type AuthOptions, createAuthLink } from "aws-appsync-auth-link";
import { createSubscriptionHandshakeLink } from "aws-appsync-subscription-link";
import WebSocket from "ws";
import { createAmplifyClient } from "../../src/amplify/index.ts";
import { createApolloClient } from "../../src/apollo/index.ts";
import type { Client, CommonOptions } from "../../src/index.ts";
import { signIn } from "./stack.ts";

Object.assign(globalThis, { WebSocket }); // browsers and Node 22 have it

/** A client through Amplify for the first user of the stack that a file describes. */
export async function amplifyOf(path: string, options: CommonOptions): Promise<Client> {
  const stack = JSON.parse(readFileSync(path, "utf8"));
  const { graphqlUrl: endpoint, region } = stack;
  Amplify.configure({ API: { GraphQL: { endpoint, region, defaultAuthMode: "lambda" } } });
  const authToken = `Lambda-Auth-${await signIn(stack)}`;
  const requests = generateClient({ authMode: "lambda", authToken });
  const subscriptions = generateClient({ authMode: "lambda", authToken, endpoint: stack.realtimeUrl });
  return createAmplifyClient(requests, { ...options, subscriptions });
}

/** A client through Apollo for the first user of the stack that a file describes. */
export async function apolloOf(path: string, options: CommonOptions): Promise<Client> {
  const stack = JSON.parse(readFileSync(path, "utf8"));
  const { graphqlUrl: url, region } = stack;
  const token = `Lambda-Auth-${await signIn(stack)}`;
  const auth: AuthOptions = { type: AUTH_TYPE.AWS_LAMBDA, token: async () => token };
  const http = new HttpLink({ uri: url }) as never; // the links of AWS have the types of CommonJS
  const links = [createAuthLink({ url, region, auth }), createSubscriptionHandshakeLink({ url, region, auth }, http)];
  const apollo = new ApolloClient({ link: ApolloLink.from(links as never[]), cache: new InMemoryCache() });
  return createApolloClient(apollo, options);
}
