// Amplify's own account functions at the local Cognito: node sign-in.mjs STACK_FILE amplify accounts
import { fetchAuthSession, fetchUserAttributes, signIn, signOut, signUp, updatePassword } from "aws-amplify/auth";
import { cognitoUserPoolsTokenProvider } from "aws-amplify/auth/cognito";
import { configure } from "./amplify.mjs";
import { print, readStack } from "./stack.mjs";

const stack = readStack(process.argv[2]);
const [me] = stack.users;
const stored = new Map();
cognitoUserPoolsTokenProvider.setKeyValueStorage({
  setItem: async (key, value) => void stored.set(key, value),
  getItem: async (key) => stored.get(key) ?? null,
  removeItem: async (key) => void stored.delete(key),
  clear: async () => stored.clear(),
});
configure(stack);

/** Print how a call ends: what `shown` makes of its answer, or the error's name and words. */
async function attempt(part, call, shown = () => ({})) {
  try {
    print({ part, ...shown(await call()) });
  } catch (error) {
    print({ part, error: error.name, message: error.message });
  }
}

const { username, password } = me;
await attempt("wrong", () => signIn({ username, password: `${password}x` }));
await attempt("nobody", () => signIn({ username: "nobody@example.com", password }));
await attempt("right", () => signIn({ username, password }), ({ isSignedIn }) => ({ isSignedIn }));
await attempt("attributes", fetchUserAttributes, (attributes) => attributes);
await attempt("renewed", () => fetchAuthSession({ forceRefresh: true }), ({ userSub }) => ({ userSub }));
await attempt("weak", () => updatePassword({ oldPassword: password, newPassword: "short" }));
await signOut();
await attempt("plain", () => signIn({ username, password, options: { authFlowType: "USER_PASSWORD_AUTH" } }), ({ isSignedIn }) => ({ isSignedIn }));
await signOut();
const options = { userAttributes: { email: "amplify@example.com" } };
await attempt("signed up", () => signUp({ username: "amplify@example.com", password: "Chosen-in-page-1", options }), ({ nextStep }) => nextStep);
await attempt("unconfirmed", () => signIn({ username: "amplify@example.com", password: "Chosen-in-page-1" }), ({ nextStep }) => nextStep);
