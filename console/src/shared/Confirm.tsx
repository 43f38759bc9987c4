import { type ReactNode, type RefObject, useRef } from "react";
import { useLanguage } from "../language/Language.tsx";

/** Asks before something is done that cannot be undone. */
export function useConfirm(): {
  readonly ask: (question: string, act: () => void) => void;
  readonly dialog: ReactNode;
} {
  const dialog = useRef<HTMLDialogElement>(null);
  const question = useRef<HTMLParagraphElement>(null);
  const act = useRef<() => void>(() => undefined);
  return {
    ask: (text, action) => {
      if (question.current !== null) question.current.textContent = text;
      act.current = action;
      dialog.current?.showModal();
    },
    dialog: <Dialog dialog={dialog} question={question} onConfirm={() => act.current()} />,
  };
}

function Dialog(props: {
  readonly dialog: RefObject<HTMLDialogElement | null>;
  readonly question: RefObject<HTMLParagraphElement | null>;
  readonly onConfirm: () => void;
}): ReactNode {
  const { t } = useLanguage();
  return (
    <dialog ref={props.dialog} aria-labelledby="question">
      <p id="question" ref={props.question} />
      <form method="dialog" className="buttons">
        <button type="submit">{t.actions.keep}</button>
        <button type="submit" className="danger" onClick={props.onConfirm}>
          {t.actions.confirm}
        </button>
      </form>
    </dialog>
  );
}
