import type { Json } from "longcall";
import { type ReactNode, useState } from "react";
import { useLanguage } from "../language/Language.tsx";

const MOST_SHOWN = 200; // members at once

/** A JSON value, whose members are rendered when they are opened. */
export function JsonTree(props: {
  readonly value: Json;
  readonly name?: string;
  readonly isOpen?: boolean;
}): ReactNode {
  const { value, name } = props;
  const label = name !== undefined && <span className="name">{name}: </span>;
  if (typeof value !== "object" || value === null) {
    return (
      <div className="leaf">
        {label}
        <span data-type={value === null ? "null" : typeof value}>{JSON.stringify(value)}</span>
      </div>
    );
  }
  return <Branch value={value} label={label} isOpen={props.isOpen === true} />;
}

function Branch(props: {
  readonly value: readonly Json[] | { readonly [name: string]: Json };
  readonly label: ReactNode;
  readonly isOpen: boolean;
}): ReactNode {
  const { t } = useLanguage();
  const [isOpen, setOpen] = useState(props.isOpen);
  const [most, setMost] = useState(MOST_SHOWN);
  const members = Object.entries(props.value);
  const [before, after] = Array.isArray(props.value) ? "[]" : "{}";
  return (
    <details className="branch" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {props.label}
        {before}
        {!isOpen && (
          <span className="muted">
            {" "}
            {t.output.items(members.length)} {after}
          </span>
        )}
      </summary>
      {isOpen && (
        <>
          {members.slice(0, most).map(([name, value]) => (
            <JsonTree key={name} name={name} value={value} />
          ))}
          {members.length > most && (
            <button type="button" className="quiet" onClick={() => setMost(most + MOST_SHOWN)}>
              + {t.output.items(members.length - most)}
            </button>
          )}
          <div className="leaf">{after}</div>
        </>
      )}
    </details>
  );
}
