import { lazy, type ReactNode, Suspense, useEffect, useMemo, useState } from "react";
import { Redirect, Route, Switch } from "wouter";
import { JobPage } from "./job/JobPage.tsx";
import { JobsPage } from "./jobs/JobsPage.tsx";
import { useLanguage } from "./language/Language.tsx";
import { type Configuration, readConfiguration } from "./session/configuration.ts";
import { SessionProvider, useSession } from "./session/Session.tsx";
import { testUserTokens } from "./session/testUsers.ts";
import { Failure } from "./shared/Failure.tsx";
import { Header } from "./shared/Header.tsx";
import { Help } from "./shared/Help.tsx";

const LabPage = lazy(() => import("./lab/LabPage.tsx"));
const StartPage = lazy(() => import("./start/StartPage.tsx"));
const WithHostedUser = lazy(() => import("./session/WithHostedUser.tsx"));
const USER = "longcall.user";

/** Reads the configuration, signs in, and shows the page of the address. */
export function App(): ReactNode {
  const { t } = useLanguage();
  const [configuration, setConfiguration] = useState<Configuration | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    readConfiguration().then(setConfiguration, setError);
  }, []);
  if (error !== null) return <Failure title={t.failure.configuration} error={error} />;
  if (configuration === null) return null;
  const { signIn } = configuration;
  return signIn.kind === "test-users" ? (
    <WithTestUser configuration={configuration} users={signIn.users} />
  ) : (
    <Suspense fallback={null}>
      <WithHostedUser configuration={configuration} signIn={signIn} />
    </Suspense>
  );
}

function WithTestUser(props: { readonly configuration: Configuration; readonly users: readonly string[] }): ReactNode {
  const { configuration, users } = props;
  const [user, setUser] = useState(() => {
    const last = sessionStorage.getItem(USER);
    return last !== null && users.includes(last) ? last : (users[0] ?? "");
  });
  const tokens = useMemo(() => testUserTokens(user), [user]);
  useEffect(() => sessionStorage.setItem(USER, user), [user]);
  return (
    <SessionProvider key={user} configuration={configuration} user={user} tokens={tokens}>
      <Pages account={{ user, testUsers: { users, switchUser: setUser } }} />
    </SessionProvider>
  );
}

/** Who is signed in, and how to change that: among the test users of a local stack, or by signing out. */
export type Account = { readonly user: string } & (
  | { readonly testUsers: { readonly users: readonly string[]; readonly switchUser: (user: string) => void } }
  | { readonly signOut: () => void }
);

/** The page of the address, for the user who is signed in. */
export function Pages({ account }: { readonly account: Account }): ReactNode {
  const { t } = useLanguage();
  const { configuration } = useSession();
  return (
    <>
      <a className="skip" href="#content">
        {t.skipToContent}
      </a>
      <Header account={account} />
      <main id="content">
        <Suspense fallback={null}>
          <Switch>
            <Route path="/" component={JobsPage} />
            <Route path="/jobs/:jobId">{({ jobId }) => <JobPage key={jobId} jobId={jobId} />}</Route>
            <Route path="/jobs">
              <Redirect to="/" replace />
            </Route>
            <Route path="/start" component={StartPage} />
            {configuration.target === "local" && <Route path="/lab" component={LabPage} />}
            <Route>
              <Failure title={t.failure.notFound} error={t.failure.notFoundText} />
            </Route>
          </Switch>
        </Suspense>
      </main>
      <Help />
    </>
  );
}
