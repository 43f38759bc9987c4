import { type ReactNode, useEffect, useState, useSyncExternalStore } from "react";
import { type Account, Pages } from "../App.tsx";
import { useLanguage } from "../language/Language.tsx";
import { Failure } from "../shared/Failure.tsx";
import { Icon } from "../shared/Icon.tsx";
import type { Configuration, HostedSignIn } from "./configuration.ts";
import { HostedUser } from "./hosted.ts";
import { SessionProvider } from "./Session.tsx";

/** The console for a user who signs in at the pool's own page. */
export default function WithHostedUser(props: {
  readonly configuration: Configuration;
  readonly signIn: HostedSignIn;
}): ReactNode {
  const { configuration, signIn } = props;
  const { t, code } = useLanguage();
  const [hosted] = useState(() => new HostedUser(signIn));
  const state = useSyncExternalStore(hosted.subscribe, hosted.getSnapshot);
  useEffect(() => hosted.begin(), [hosted]);
  const button = (
    <button type="button" className="primary" onClick={() => hosted.leave(code)}>
      {t.signIn.button}
    </button>
  );
  switch (state.phase) {
    case "leaving":
      return <Notice title={t.signIn.title} text={t.signIn.text} action={button} />;
    case "signed-out":
      return <Notice title={t.signIn.signedOut} text={t.signIn.signedOutText} action={button} />;
    case "refused": {
      const { reason, detail } = state.refusal;
      return (
        <main>
          <Failure title={t.failure.signIn} error={t.signIn.refusals[reason]}>
            {detail !== "" && <p>{detail}</p>}
            {button}
          </Failure>
        </main>
      );
    }
    case "signed-in": {
      const account: Account = { user: state.user, signOut: () => void hosted.signOut() };
      return (
        <SessionProvider configuration={configuration} user={state.user} tokens={hosted.tokens}>
          {state.hasEnded && (
            <div className="banner" role="alert">
              <Icon name="alert" />
              <span>{t.signIn.ended}</span>
              {button}
            </div>
          )}
          <Pages account={account} />
        </SessionProvider>
      );
    }
  }
}

function Notice(props: { readonly title: string; readonly text: string; readonly action: ReactNode }): ReactNode {
  return (
    <main>
      <div className="notice" role="status">
        <Icon name="user" />
        <h1>{props.title}</h1>
        <p>{props.text}</p>
        {props.action}
      </div>
    </main>
  );
}
