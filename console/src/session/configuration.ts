/** How callers sign in: as a test user of the local stack, or at the user pool's own page. */
export type SignIn = { readonly kind: "test-users"; readonly users: readonly string[] } | HostedSignIn;

/** The pool's own page: `authority` is the issuer of its tokens, `signInUrl` has no slash at the end. */
export interface HostedSignIn {
  readonly kind: "hosted";
  readonly authority: string;
  readonly clientId: string;
  readonly signInUrl: string;
}

/** What the console must know about its API. Served beside it; contains no secret. */
export interface Configuration {
  readonly target: "local" | "aws";
  readonly graphqlUrl: string;
  readonly realtimeUrl: string;
  readonly signIn: SignIn;
}

const PATH = "/console/config.json";

/**
 * Reads the configuration. Addresses in it may be relative to the page's own.
 *
 * @throws Error - It is missing or malformed; the message is one sentence.
 */
export async function readConfiguration(): Promise<Configuration> {
  const response = await fetch(PATH);
  if (!response.ok) throw new Error(`${PATH} was answered with HTTP status ${response.status}`);
  const found = (await response.json()) as Configuration;
  return {
    ...found,
    graphqlUrl: absolute(found.graphqlUrl, "http"),
    realtimeUrl: absolute(found.realtimeUrl, "ws"),
  };
}

function absolute(address: string, scheme: "http" | "ws"): string {
  const url = new URL(address, location.href);
  if (scheme === "ws") url.protocol = url.protocol.replace(/^http/, "ws");
  return url.href;
}
