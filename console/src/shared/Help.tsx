import { type ReactNode, useRef } from "react";
import { useLanguage } from "../language/Language.tsx";
import { useKeys } from "./useKeys.ts";

/** The list of keys, which `?` opens. */
export function Help(): ReactNode {
  const { t } = useLanguage();
  const dialog = useRef<HTMLDialogElement>(null);
  useKeys({ "?": () => dialog.current?.showModal() });
  return (
    <dialog ref={dialog} className="help" aria-labelledby="help-title">
      <h2 id="help-title">{t.help.title}</h2>
      <dl>
        {t.help.rows.map(([keys, text]) => (
          <div key={keys}>
            <dt>
              {keys.split("  ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">{t.actions.close}</button>
      </form>
    </dialog>
  );
}
