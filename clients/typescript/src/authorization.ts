import { NotAuthorized } from "./errors.ts";

/**
 * Returns the caller's token. It is called before every request and every subscription, so it should keep the token
 * and renew it in time.
 *
 * @param refresh - Whether the API refused the last token, so that another one is needed.
 */
export type TokenProvider = (refresh: boolean) => string | Promise<string>;

/** Who the caller is: the headers of a request. */
export type Authorization = (refresh: boolean) => Promise<Readonly<Record<string, string>>>;

/** Sends a Cognito token to the API's Lambda authorizer, which is the default mode of Longcall. */
export function lambdaToken(provider: TokenProvider): Authorization {
  return prefixed("Lambda-Auth-", provider);
}

/** Sends a Cognito token to AppSync's own verification of user pools. */
export function cognitoToken(provider: TokenProvider): Authorization {
  return prefixed("", provider);
}

/** Asks for a fresh token when the one that was given has expired: a page that slept may still have an old one. */
function prefixed(prefix: string, provider: TokenProvider): Authorization {
  let isComparable = true; // false once a fresh token looks expired: then the clock of this computer is wrong
  return async (refresh) => {
    let token = await provider(refresh);
    if (!refresh && isComparable && hasExpired(token)) {
      token = await provider(true);
      isComparable = !hasExpired(token);
    }
    return { Authorization: prefix + token };
  };
}

/** Whether a token says that it has expired. Tokens of another form than JWT say nothing. */
function hasExpired(token: string): boolean {
  try {
    const claims = atob(String(token.split(".")[1]).replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(claims).exp * 1_000 <= Date.now();
  } catch {
    return false;
  }
}

/** Sends something with the caller's headers, and once more with fresh ones if the API refuses the token. */
export async function authorized<T>(
  authorization: Authorization,
  send: (headers: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  try {
    return await send(await authorization(false));
  } catch (error) {
    if (!(error instanceof NotAuthorized)) throw error;
    return await send(await authorization(true));
  }
}
