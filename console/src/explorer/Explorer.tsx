import { GraphiQL } from "graphiql";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { type Configuration, readConfiguration } from "../session/configuration.ts";
import { testUserTokens } from "../session/testUsers.ts";
import { appsyncFetcher } from "./fetcher.ts";
import { firstTabs } from "./operations.ts";

const TABS = "graphiql:tabState"; // where GraphiQL keeps the tabs of earlier visits
type Mode = "lambda" | "cognito";

/** GraphiQL, signed in as a test user. */
export function Explorer(): ReactNode {
  const [configuration, setConfiguration] = useState<Configuration | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    readConfiguration().then(setConfiguration, setError);
  }, []);
  if (error !== null) return <p role="alert">{String(error)}</p>;
  if (configuration?.signIn.kind !== "test-users") return null;
  return <WithTestUser configuration={configuration} users={configuration.signIn.users} />;
}

function WithTestUser(props: { readonly configuration: Configuration; readonly users: readonly string[] }): ReactNode {
  const { configuration, users } = props;
  const [user, setUser] = useState(users[0] ?? "");
  const [mode, setMode] = useState<Mode>("lambda");
  const fetcher = useMemo(() => {
    const tokens = testUserTokens(user);
    return appsyncFetcher(configuration, async () => {
      const token = await tokens(false);
      return { Authorization: mode === "lambda" ? `Lambda-Auth-${token}` : token };
    });
  }, [configuration, user, mode]);
  const tabs = useMemo(() => firstTabs(crypto.randomUUID()), []);
  // GraphiQL takes the variables of the first tab from here, or from an earlier visit.
  const [variables] = useState(() => (localStorage.getItem(TABS) === null ? tabs[0]?.variables : undefined));
  return (
    <>
      <header>
        <a href="/">Longcall</a>
        <h1>API explorer</h1>
        <label>
          User{" "}
          <select value={user} onChange={(event) => setUser(event.target.value)}>
            {users.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          through{" "}
          <select value={mode} onChange={(event) => setMode(event.target.value as Mode)}>
            <option value="lambda">the Lambda authorizer</option>
            <option value="cognito">the user pool</option>
          </select>
        </label>
      </header>
      <main>
        <GraphiQL
          fetcher={fetcher}
          defaultTabs={tabs}
          {...(variables !== undefined && { initialVariables: variables })}
          shouldPersistHeaders={false}
        />
      </main>
    </>
  );
}
