import { type ReactNode, useMemo, useState, useSyncExternalStore } from "react";
import { ChatPage } from "./ChatPage.tsx";
import { Chats } from "./chats.ts";
import { SignIn } from "./SignIn.tsx";
import { restoredSession, type Session, signOut } from "./session.ts";

if (location.hash === "") openNewChat();

/** The page's address has the id of its chat, so that another browser can open the same chat. */
function openNewChat(): void {
  location.hash = crypto.randomUUID();
}

function useChatId(): string {
  return useSyncExternalStore(
    (changed) => {
      addEventListener("hashchange", changed);
      return () => removeEventListener("hashchange", changed);
    },
    () => location.hash.slice(1),
  );
}

export function App(): ReactNode {
  const [session, setSession] = useState<Session | null>(restoredSession);
  const chats = useMemo(() => session && new Chats(session), [session]);
  const chatId = useChatId();
  return (
    <>
      <header>
        <h1>Longcall chat</h1>
        {session !== null && (
          <nav>
            <button type="button" className="link" onClick={openNewChat}>
              New chat
            </button>
            <button
              type="button"
              className="link"
              onClick={() => {
                signOut();
                location.reload();
              }}
            >
              Sign out {session.user}
            </button>
          </nav>
        )}
      </header>
      {chats === null ? <SignIn onSession={setSession} /> : <ChatPage key={chatId} id={chatId} chats={chats} />}
    </>
  );
}
