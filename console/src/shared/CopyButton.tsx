import { type ReactNode, useEffect, useState } from "react";
import { useLanguage } from "../language/Language.tsx";
import { Icon } from "./Icon.tsx";

const SHOWN = 1_500; // milliseconds for which the button says that it has copied

/** Copies a text. */
export function CopyButton(props: { readonly text: () => string; readonly label: string }): ReactNode {
  const { t } = useLanguage();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = (): void => {
    navigator.clipboard.writeText(props.text()).then(
      () => setCopied(true),
      () => undefined, // the user has forbidden it
    );
  };
  return (
    <button type="button" className="quiet" onClick={copy}>
      <Icon name={isCopied ? "check" : "copy"} />
      <span aria-live="polite">{isCopied ? t.actions.copied : props.label}</span>
    </button>
  );
}
