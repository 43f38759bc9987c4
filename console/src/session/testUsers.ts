import type { TokenProvider } from "longcall";

const EARLY = 60_000; // milliseconds before the end of a token at which it is renewed

/** The tokens of a test user. The local stack signs the user in. */
export function testUserTokens(user: string): TokenProvider {
  let token: Promise<string> | null = null;
  let renewAt = 0;
  return (refresh) => {
    if (token === null || refresh || Date.now() >= renewAt) {
      const request = signedIn(user);
      token = request;
      renewAt = Number.POSITIVE_INFINITY;
      request.then(
        (text) => {
          renewAt = endOf(text) - EARLY;
        },
        () => {
          token = null;
        },
      );
    }
    return token;
  };
}

async function signedIn(user: string): Promise<string> {
  const response = await fetch("/console/sign-in", { method: "POST", body: JSON.stringify({ user }) });
  const answer = (await response.json()) as { readonly token?: string; readonly error?: string };
  if (answer.token === undefined) throw new Error(answer.error ?? `HTTP status ${response.status}`);
  return answer.token;
}

/** When a JWT ends, in milliseconds. */
function endOf(token: string): number {
  const [, claims = ""] = token.split(".");
  const text = atob(claims.replaceAll("-", "+").replaceAll("_", "/"));
  return (JSON.parse(text) as { readonly exp: number }).exp * 1000;
}
