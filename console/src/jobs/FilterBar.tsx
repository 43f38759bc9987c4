import { type ReactNode, type RefObject, useEffect, useState } from "react";
import { useLanguage } from "../language/Language.tsx";
import { Icon } from "../shared/Icon.tsx";
import { AGES, type Filters, STATUSES } from "./filters.ts";

const TYPING = 150; // milliseconds after the last key at which the address takes a text

/** The controls of the filters. */
export function FilterBar(props: {
  readonly filters: Filters;
  readonly onChange: (filters: Filters) => void;
  readonly search: RefObject<HTMLInputElement | null>;
}): ReactNode {
  const { filters, onChange } = props;
  const { t } = useLanguage();
  return (
    <search className="filters">
      <div className="field">
        <Icon name="search" />
        <Typed
          label={t.jobs.search}
          value={filters.text}
          onChange={(text) => onChange({ ...filters, text })}
          input={props.search}
          hint="/"
        />
      </div>
      <select
        aria-label={t.jobs.columns.status}
        value={filters.status}
        onChange={(event) => onChange({ ...filters, status: event.target.value })}
      >
        <option value="">{t.jobs.allStatuses}</option>
        {STATUSES.map((status) => (
          <option key={status} value={status}>
            {t.status[status]}
          </option>
        ))}
      </select>
      <Typed label={t.jobs.model} value={filters.model} onChange={(model) => onChange({ ...filters, model })} />
      <select
        aria-label={t.jobs.columns.started}
        value={filters.age}
        onChange={(event) => onChange({ ...filters, age: event.target.value })}
      >
        <option value="">{t.jobs.anyTime}</option>
        {Object.keys(AGES).map((age) => (
          <option key={age} value={age}>
            {t.jobs.ages[age]}
          </option>
        ))}
      </select>
    </search>
  );
}

/** A text field whose text is taken a moment after the last key. */
function Typed(props: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (text: string) => void;
  readonly input?: RefObject<HTMLInputElement | null>;
  readonly hint?: string;
}): ReactNode {
  const { value, onChange } = props;
  const [text, setText] = useState(value);
  const [taken, setTaken] = useState(value);
  if (value !== taken) {
    setTaken(value);
    setText(value); // by Back, or by a link
  }
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => {
      setTaken(text);
      onChange(text);
    }, TYPING);
    return () => clearTimeout(timer);
  });
  return (
    <>
      <input
        type="search"
        ref={props.input}
        value={text}
        aria-label={props.label}
        placeholder={props.label}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
      {props.hint !== undefined && <kbd>{props.hint}</kbd>}
    </>
  );
}
