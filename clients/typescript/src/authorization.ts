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
  return async (refresh) => ({ Authorization: `Lambda-Auth-${await provider(refresh)}` });
}

/** Sends a Cognito token to AppSync's own verification of user pools. */
export function cognitoToken(provider: TokenProvider): Authorization {
  return async (refresh) => ({ Authorization: await provider(refresh) });
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
