/** The signed-in user of this tab. A reload keeps the session; closing the tab ends it. */
export interface Session {
  readonly user: string;
  /** An access token; another one if the API refused the last one. */
  token(refused: boolean): Promise<string>;
}

interface Stored {
  readonly user: string;
  readonly refreshToken: string;
}

const KEY = "session";
const { VITE_COGNITO_URL, VITE_AWS_REGION, VITE_USER_POOL_CLIENT_ID: clientId } = import.meta.env;
const cognitoUrl = VITE_COGNITO_URL ?? `https://cognito-idp.${VITE_AWS_REGION}.amazonaws.com/`;

/**
 * Signs in with a password.
 *
 * An application on AWS would use Cognito's own sign-in page, or a library that does not send the password.
 */
export async function signIn(user: string, password: string): Promise<Session> {
  const answer = await initiate("USER_PASSWORD_AUTH", { USERNAME: user, PASSWORD: password });
  const stored = { user, refreshToken: answer.RefreshToken as string };
  sessionStorage.setItem(KEY, JSON.stringify(stored));
  return sessionOf(stored, answer.AccessToken);
}

/** The session of this tab before it was reloaded; null if nobody was signed in. */
export function restoredSession(): Session | null {
  const stored = sessionStorage.getItem(KEY);
  return stored === null ? null : sessionOf(JSON.parse(stored), null);
}

export function signOut(): void {
  sessionStorage.removeItem(KEY);
}

function sessionOf({ user, refreshToken }: Stored, first: string | null): Session {
  let token: Promise<string> | null = first === null ? null : Promise.resolve(first);
  const renew = async () => {
    const answer = await initiate("REFRESH_TOKEN_AUTH", { REFRESH_TOKEN: refreshToken });
    return answer.AccessToken;
  };
  return {
    user,
    token(refused) {
      if (token === null || refused) {
        token = renew();
        token.catch(() => {
          token = null; // the next request tries again
        });
      }
      return token;
    },
  };
}

async function initiate(
  flow: string,
  parameters: Record<string, string>,
): Promise<{ AccessToken: string; RefreshToken?: string }> {
  const response = await fetch(cognitoUrl, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth",
    },
    body: JSON.stringify({ AuthFlow: flow, ClientId: clientId, AuthParameters: parameters }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message ?? `sign-in failed with HTTP status ${response.status}`);
  return answer.AuthenticationResult;
}
