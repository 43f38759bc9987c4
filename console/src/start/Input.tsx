import { type DragEvent, type ReactNode, useState } from "react";
import { useLanguage } from "../language/Language.tsx";
import { messageOf } from "../shared/Failure.tsx";
import { Icon } from "../shared/Icon.tsx";
import type { Turn } from "./draft.ts";

const UPLOADED = 196_608; // bytes of UTF-8 above which the client uploads a text first
const EDITABLE = 500_000; // UTF-16 code units above which a text is not shown in a text field

/** The text to work on: typed, or read from a file. */
export function Prompt(props: { readonly value: string; readonly onChange: (text: string) => void }): ReactNode {
  const { value, onChange } = props;
  const { t, format } = useLanguage();
  const [isOver, setOver] = useState(false);
  const [name, setName] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const take = (file: File | undefined): void => {
    if (file === undefined) return;
    readText(file).then(
      (text) => {
        setError(null);
        setName(file.name);
        onChange(text);
      },
      (failure) => setError(messageOf(failure)),
    );
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files[0]);
  };
  const bytes = value.length > 40_000 ? new Blob([value]).size : 0;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button below it does the same
    <div
      className="prompt"
      data-over={isOver || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      {value.length > EDITABLE ? (
        <p className="large">
          <span>{name}</span> {format.bytes(bytes)}
          <button type="button" className="quiet" onClick={() => onChange("")}>
            <Icon name="close" />
          </button>
        </p>
      ) : (
        <label>
          {t.start.prompt}
          <textarea
            rows={7}
            value={value}
            placeholder={t.start.example}
            onChange={(event) => onChange(event.target.value)}
          />
        </label>
      )}
      <p className="muted">
        <label className="file">
          <Icon name="plus" />
          {t.start.drop}
          <input type="file" accept="text/*,.md,.json,.csv" onChange={(event) => take(event.target.files?.[0])} />
        </label>
        {bytes > UPLOADED && <span>{t.start.tooLarge(format.bytes(bytes))}</span>}
        {error !== null && (
          <span className="refused" role="alert">
            {error}
          </span>
        )}
      </p>
    </div>
  );
}

async function readText(file: File): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error(`${file.name} is not UTF-8 text`);
  }
}

/** A conversation. The user has the first and the last turn. */
export function Conversation(props: {
  readonly turns: readonly Turn[];
  readonly takesImages: boolean;
  readonly onChange: (turns: readonly Turn[]) => void;
}): ReactNode {
  const { turns, onChange } = props;
  const { t } = useLanguage();
  const change = (index: number, changes: Partial<Turn>): void =>
    onChange(turns.map((turn, at) => (at === index ? { ...turn, ...changes } : turn)));
  const show = async (index: number, files: FileList | null): Promise<void> => {
    const images = await Promise.all([...(files ?? [])].map(async (file) => new Uint8Array(await file.arrayBuffer())));
    change(index, { images });
  };
  const empty: Turn = { text: "", images: [] };
  return (
    <div className="conversation">
      {turns.map((turn, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: turns are added and removed at the end only
        <div key={index} className="turn" data-role={index % 2 === 0 ? "user" : "assistant"}>
          <label>
            {index % 2 === 0 ? t.start.user : t.start.assistant}
            <textarea rows={3} value={turn.text} onChange={(event) => change(index, { text: event.target.value })} />
          </label>
          {props.takesImages && index % 2 === 0 && (
            <label className="file muted">
              <Icon name="plus" />
              {t.start.images} {turn.images.length > 0 && turn.images.length}
              <input
                type="file"
                multiple
                accept="image/png,image/jpeg,image/gif,image/webp"
                onChange={(event) => void show(index, event.target.files)}
              />
            </label>
          )}
        </div>
      ))}
      <p className="turns">
        <button type="button" onClick={() => onChange([...turns, empty, empty])}>
          <Icon name="plus" />
          {t.start.addTurn}
        </button>
        {turns.length > 1 && (
          <button type="button" className="quiet" onClick={() => onChange(turns.slice(0, -2))}>
            {t.start.removeTurn}
          </button>
        )}
      </p>
    </div>
  );
}
