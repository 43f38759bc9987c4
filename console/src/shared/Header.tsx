import { type ReactNode, useEffect, useState, useSyncExternalStore } from "react";
import { Link } from "wouter";
import type { Account } from "../App.tsx";
import { LANGUAGES, useLanguage } from "../language/Language.tsx";
import { useLink, useSession } from "../session/Session.tsx";
import { Icon } from "./Icon.tsx";

const THEME = "longcall.theme";
const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

/** The bar above every page. */
export function Header({ account }: { readonly account: Account }): ReactNode {
  const { t } = useLanguage();
  const { configuration } = useSession();
  return (
    <header className="bar">
      <Link href="/" className="brand" aria-label={t.product}>
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M7 22c4 0 4-12 9-12s5 12 9 12" />
          <circle cx="16" cy="10" r="2.6" />
        </svg>
        <span>{t.product}</span>
      </Link>
      <nav>
        <Place href="/" icon="jobs" text={t.nav.jobs} />
        <Place href="/start" icon="plus" text={t.nav.start} />
        {configuration.target === "local" && (
          <>
            <Place href="/lab" icon="flask" text={t.nav.lab} />
            <a href="/explorer">
              <Icon name="explorer" />
              <span>{t.nav.explorer}</span>
            </a>
          </>
        )}
      </nav>
      <LinkSign />
      <Settings account={account} />
    </header>
  );
}

function Place(props: {
  readonly href: string;
  readonly icon: "jobs" | "plus" | "flask";
  readonly text: string;
}): ReactNode {
  return (
    <Link href={props.href} className={(isHere) => (isHere ? "here" : "")}>
      <Icon name={props.icon} />
      <span>{props.text}</span>
    </Link>
  );
}

function LinkSign(): ReactNode {
  const { t } = useLanguage();
  const link = useLink();
  const isOnline = useSyncExternalStore(onConnectivity, () => navigator.onLine);
  const state = isOnline ? link : "offline";
  return (
    <span className="link" data-link={state} role="status" title={t.link[state]}>
      <span>{t.link[state]}</span>
    </span>
  );
}

function onConnectivity(listener: () => void): () => void {
  addEventListener("online", listener);
  addEventListener("offline", listener);
  return () => {
    removeEventListener("online", listener);
    removeEventListener("offline", listener);
  };
}

function Settings({ account }: { readonly account: Account }): ReactNode {
  const { t, code, choose } = useLanguage();
  const [theme, setTheme] = useState<Theme>(() => {
    const chosen = localStorage.getItem(THEME) as Theme | null;
    return chosen !== null && THEMES.includes(chosen) ? chosen : "system";
  });
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem(THEME, theme);
  }, [theme]);
  return (
    <details className="settings">
      <summary aria-label={`${t.account.user} ${account.user}`}>
        <Icon name="user" />
        <span className="user">{account.user}</span>
      </summary>
      <div>
        {"testUsers" in account ? (
          <label>
            {t.account.switchUser}
            <select value={account.user} onChange={(event) => account.testUsers.switchUser(event.target.value)}>
              {account.testUsers.users.map((user) => (
                <option key={user}>{user}</option>
              ))}
            </select>
          </label>
        ) : (
          <button type="button" onClick={account.signOut}>
            {t.signIn.signOut}
          </button>
        )}
        <label>
          {t.account.theme}
          <select value={theme} onChange={(event) => setTheme(event.target.value as Theme)}>
            {THEMES.map((name) => (
              <option key={name} value={name}>
                {t.account.themes[name]}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t.account.language}
          <select value={code} onChange={(event) => choose(event.target.value)}>
            {Object.entries(LANGUAGES).map(([name, { languageName }]) => (
              <option key={name} value={name} lang={name}>
                {languageName}
              </option>
            ))}
          </select>
        </label>
      </div>
    </details>
  );
}
