import type { TokenProvider } from "longcall";
import { ErrorResponse, InMemoryWebStorage, type User, UserManager, WebStorageStateStore } from "oidc-client-ts";
import type { HostedSignIn } from "./configuration.ts";

const SIGNED_IN = "/signed-in"; // where the sign-in page returns to
const SIGNED_OUT = "/signed-out";
const EARLY = 60; // seconds before the end of a token at which it is renewed
const SESSION_ENDED = "invalid_grant"; // what the pool answers when a refresh token is no longer valid

/** Why a user is not signed in. `detail` is what the sign-in page said, if it said something. */
export interface Refusal {
  readonly reason: "denied" | "expired" | "unknown" | "unreachable";
  readonly detail: string;
}

/** Where a sign-in stands. */
export type SignInState =
  | { readonly phase: "leaving" }
  | { readonly phase: "signed-out" }
  | { readonly phase: "refused"; readonly refusal: Refusal }
  | { readonly phase: "signed-in"; readonly user: string; readonly hasEnded: boolean };

/**
 * Signs a user in at the pool's own page, with an authorization code and PKCE.
 *
 * Tokens are in the memory of this page only. While the user is away at the sign-in page, this tab's storage has the
 * proof that the answer belongs to it; nothing else is stored.
 */
export class HostedUser {
  readonly #manager: UserManager;
  readonly #signIn: HostedSignIn;
  readonly #listeners = new Set<() => void>();
  #state: SignInState = { phase: "leaving" };
  #user: User | null = null;
  #renewal: Promise<User> | null = null;
  #hasBegun = false;

  constructor(signIn: HostedSignIn) {
    const { authority, clientId, signInUrl } = signIn;
    this.#signIn = signIn;
    this.#manager = new UserManager({
      authority,
      metadata: {
        issuer: authority,
        authorization_endpoint: `${signInUrl}/oauth2/authorize`,
        token_endpoint: `${signInUrl}/oauth2/token`,
        revocation_endpoint: `${signInUrl}/oauth2/revoke`,
      },
      client_id: clientId,
      redirect_uri: location.origin + SIGNED_IN,
      response_type: "code",
      scope: "openid email",
      automaticSilentRenew: false, // renewed when a token is needed
      revokeTokenTypes: ["refresh_token"],
      userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
      stateStore: new WebStorageStateStore({ store: sessionStorage, prefix: "longcall.sign-in." }),
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly getSnapshot = (): SignInState => this.#state;

  /** Does what the page's address asks for: accepts an answer of the sign-in page, or goes there. Once per page. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    if (location.pathname === SIGNED_OUT) this.#set({ phase: "signed-out" });
    else if (location.pathname === SIGNED_IN) void this.#accept();
    else this.leave();
  }

  /** Goes to the sign-in page, and returns to this page's address afterwards. */
  leave(language = document.documentElement.lang): void {
    const { pathname, search, hash } = location;
    const address = pathname === SIGNED_IN || pathname === SIGNED_OUT ? "/" : pathname + search + hash;
    this.#manager
      .signinRedirect({ state: address, extraQueryParams: { lang: language } })
      .catch((error: unknown) => this.#refuse(error));
  }

  /** Signs out here and at the sign-in page. */
  async signOut(): Promise<void> {
    const { signInUrl, clientId } = this.#signIn;
    try {
      await this.#manager.revokeTokens();
    } catch {
      // The refresh token was in this page's memory only, and the page ends now.
    }
    const back = new URLSearchParams({ client_id: clientId, logout_uri: location.origin + SIGNED_OUT });
    location.assign(`${signInUrl}/logout?${back}`);
  }

  /** The access token, renewed if it ends soon or was refused. */
  readonly tokens: TokenProvider = async (refresh) => {
    let user = this.#user;
    if (user === null) throw new Error("nobody is signed in");
    if (refresh || (user.expires_in ?? 0) < EARLY) user = await this.#renewed();
    return user.access_token;
  };

  async #accept(): Promise<void> {
    try {
      const user = await this.#manager.signinCallback();
      if (user === undefined) throw new Error("the sign-in page gave no answer");
      this.#user = user;
      history.replaceState(null, "", addressOf(user.state));
      this.#set({ phase: "signed-in", user: user.profile.email ?? user.profile.sub, hasEnded: false });
    } catch (error) {
      // The code in the address is used up. The next attempt returns to where this one began.
      history.replaceState(null, "", addressOf(error instanceof ErrorResponse ? error.state : null));
      this.#refuse(error);
    }
  }

  /** One renewal for all who ask while it runs. */
  #renewed(): Promise<User> {
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #renew(): Promise<User> {
    try {
      const user = await this.#manager.signinSilent();
      if (user === null) throw new Error("the sign-in page gave no new token");
      this.#user = user;
      return user;
    } catch (error) {
      if (error instanceof ErrorResponse && error.error === SESSION_ENDED && this.#state.phase === "signed-in") {
        this.#set({ ...this.#state, hasEnded: true });
      }
      throw error;
    }
  }

  #refuse(error: unknown): void {
    this.#set({ phase: "refused", refusal: refusalOf(error) });
  }

  #set(state: SignInState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** The address that a sign-in was begun at; the list of jobs if it is not known. */
function addressOf(state: unknown): string {
  return typeof state === "string" ? state : "/";
}

/** What an error of a sign-in means for the user. */
export function refusalOf(error: unknown): Refusal {
  const detail = error instanceof Error ? error.message : String(error);
  if (error instanceof ErrorResponse) {
    if (error.error === "access_denied") return { reason: "denied", detail: error.error_description ?? "" };
    if (error.error === SESSION_ENDED) return { reason: "expired", detail: error.error_description ?? "" };
    return { reason: "unknown", detail };
  }
  if (error instanceof TypeError) return { reason: "unreachable", detail };
  return detail.startsWith("No matching state") ? { reason: "expired", detail: "" } : { reason: "unknown", detail };
}
