import { useChat } from "@ai-sdk/react";
import { type FormEvent, type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import { Answer } from "./Answer.tsx";
import { type Chats, MODEL } from "./chats.ts";

/** Options of each job. Only simulated models take a time. */
const BODY = MODEL.startsWith("simulated.") ? { processTime: 15 } : {};

export function ChatPage({ id, chats }: { readonly id: string; readonly chats: Chats }): ReactNode {
  const { messages, sendMessage, regenerate, stop, status, error } = useChat({
    chat: chats.of(id),
    resume: true,
    throttle: 50, // milliseconds; a job writes many small pieces
  });
  useEffect(() => {
    chats.store(id, messages);
  }, [chats, id, messages]);
  const isBusy = status === "submitted" || status === "streaming";
  const end = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: scrolls whenever the messages change
  useEffect(() => {
    end.current?.scrollIntoView();
  }, [messages]);

  return (
    <main className="chat">
      <div className="messages">
        {messages.length === 0 && (
          <p className="empty">
            Ask {MODEL} something. Then reload this page while the answer arrives, or open its address in another
            browser.
          </p>
        )}
        {messages.map((message) =>
          message.role === "user" ? (
            <article key={message.id} className="question">
              {message.parts.map((part) => (part.type === "text" ? part.text : "")).join("")}
            </article>
          ) : (
            <Answer key={message.id} message={message} isArriving={isBusy && message === messages.at(-1)} />
          ),
        )}
        {error !== undefined && (
          <p className="failure" role="alert">
            {error.message}{" "}
            <button type="button" onClick={() => regenerate({ body: BODY })}>
              Try again
            </button>
          </p>
        )}
        <div ref={end} />
      </div>
      <Question isBusy={isBusy} onSend={(text) => sendMessage({ text }, { body: BODY })} onStop={stop} />
    </main>
  );
}

function Question(props: {
  readonly isBusy: boolean;
  readonly onSend: (text: string) => void;
  readonly onStop: () => void;
}): ReactNode {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const text = String(new FormData(form).get("text")).trim();
    if (text === "" || props.isBusy) return;
    form.reset();
    props.onSend(text);
  };
  const sendOnEnter = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    event.currentTarget.form?.requestSubmit();
  };
  return (
    <form className="ask" onSubmit={submit}>
      <textarea name="text" aria-label="Question" placeholder="Ask something" rows={2} onKeyDown={sendOnEnter} />
      {props.isBusy ? (
        <button type="button" className="stop" onClick={props.onStop}>
          Stop
        </button>
      ) : (
        <button type="submit">Send</button>
      )}
    </form>
  );
}
