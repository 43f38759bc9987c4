import { type FormEvent, type ReactNode, useState } from "react";
import { type Session, signIn } from "./session.ts";

export function SignIn({ onSession }: { readonly onSession: (session: Session) => void }): ReactNode {
  const [error, setError] = useState("");
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    try {
      onSession(await signIn(String(form.get("user")), String(form.get("password"))));
    } catch (thrown) {
      setError(thrown instanceof Error ? thrown.message : String(thrown));
    }
  };
  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <p>
          <code>make serve</code> prints the users of the local stack and their passwords.
        </p>
        <label>
          User
          <input name="user" autoComplete="username" required />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <button type="submit">Sign in</button>
        {error !== "" && <p role="alert">{error}</p>}
      </form>
    </main>
  );
}
