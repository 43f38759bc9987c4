import { ConfigurationError } from "./errors.ts";

/**
 * The URL of the GraphQL endpoint, unchanged.
 *
 * @throws ConfigurationError - It is not an http:// or https:// URL.
 */
export function checkGraphqlUrl(url: string): string {
  if (/^https?:$/.test(schemeOf(url))) return url;
  throw new ConfigurationError(`the GraphQL URL must look like https://host/graphql, and '${url}' does not`);
}

/**
 * The URL of the realtime endpoint, unchanged.
 *
 * @throws ConfigurationError - It is not a ws:// or wss:// URL.
 */
export function checkRealtimeUrl(url: string): string {
  if (/^wss?:$/.test(schemeOf(url))) return url;
  throw new ConfigurationError(`the realtime URL must look like wss://host/graphql, and '${url}' does not`);
}

/**
 * The realtime endpoint of the API with this GraphQL URL. An http:// address serves both at the same path, because only
 * local stacks use http://.
 *
 * Source: AppSync Developer Guide, "Building a real-time WebSocket client" and "Custom domain names".
 */
export function realtimeUrlOf(graphqlUrl: string): string {
  if (graphqlUrl.startsWith("http:")) return graphqlUrl.replace(/^http:/, "ws:");
  const url = graphqlUrl.replace(/^https:/, "wss:");
  if (url.includes(".appsync-api.")) return url.replace(".appsync-api.", ".appsync-realtime-api.");
  return `${url.replace(/\/$/, "")}/realtime`;
}

/** The host and port of a URL. */
export function hostOf(url: string): string {
  return new URL(url).host;
}

function schemeOf(url: string): string {
  try {
    return new URL(url).protocol;
  } catch {
    return "";
  }
}
