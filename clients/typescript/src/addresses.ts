import { ConfigurationError } from "./errors.ts";

/**
 * Checks a URL.
 *
 * @param scheme - http or ws; with an s at its end, it is allowed too.
 * @throws ConfigurationError - It is not a URL with this scheme.
 */
export function checkUrl(url: string, scheme: "http" | "ws"): void {
  if ([`${scheme}:`, `${scheme}s:`].includes(schemeOf(url))) return;
  throw new ConfigurationError(
    `the ${scheme === "ws" ? "realtime" : "GraphQL"} URL must look like ${scheme}s://host/graphql, and '${url}' does not`,
  );
}

/**
 * The realtime endpoint of the API with this GraphQL URL. An http:// address serves both at the same path, because only
 * local stacks use http://.
 *
 * Source: AppSync Developer Guide, "Building a real-time WebSocket client" and "Custom domain names".
 */
export function realtimeUrlOf(graphqlUrl: string): string {
  const url = graphqlUrl.replace(/^http/, "ws");
  if (url.startsWith("ws:")) return url;
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
