import type { Cost } from "longcall";
import type { Model, ModelOption } from "longcall/models";
import { type ReactNode, type SyntheticEvent, useDeferredValue, useEffect, useId, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { Bill } from "../job/Details.tsx";
import { useLanguage } from "../language/Language.tsx";
import { useSession } from "../session/Session.tsx";
import { messageOf } from "../shared/Failure.tsx";
import { Icon } from "../shared/Icon.tsx";
import { type Draft, EMPTY_DRAFT, inputOf, NUMBERS, OPTIONS, parseMetadata } from "./draft.ts";
import { Conversation, Prompt } from "./Input.tsx";
import { modelOf, useModels } from "./useModels.ts";

const QUOTE_PAUSE = 400; // milliseconds after the last change at which a quote is asked for

/** Starts a job, or runs one again, perhaps with changed input. */
export default function StartPage(): ReactNode {
  const { t } = useLanguage();
  const { client, jobs, drafts } = useSession();
  const [, navigate] = useLocation();
  const query = new URLSearchParams(useSearch());
  const parent = query.get("from");
  const known = parent === null ? undefined : drafts.of(parent);
  const [draft, setDraft] = useState<Draft>(
    () => known ?? { ...EMPTY_DRAFT, model: query.get("model") ?? EMPTY_DRAFT.model },
  );
  const [isStarting, setStarting] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const models = useModels();
  const model = modelOf(models, draft.model.trim());
  const accepted = model?.options.map(({ name }) => name) ?? [...OPTIONS, "messages", "images"];
  const isConversation = draft.form === "conversation" && accepted.includes("messages");
  const shown: Draft = { ...draft, form: isConversation ? "conversation" : "prompt" };
  const change = (changes: Partial<Draft>): void => setDraft((before) => ({ ...before, ...changes }));
  const isUsable = parseMetadata(draft.metadata) !== undefined && hasText(shown);

  const start = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    if (!isUsable || isStarting) return;
    setStarting(true);
    setError(null);
    try {
      const first = await client.start(inputOf(shown, accepted, parent));
      drafts.keep(first.jobId, shown);
      jobs.merge(first);
      navigate(`/jobs/${first.jobId}`);
    } catch (failure) {
      setError(failure);
      setStarting(false);
    }
  };
  return (
    <form className="start" onSubmit={start} aria-labelledby="title">
      <h1 id="title">{parent === null ? t.start.title : t.start.forkTitle(parent.slice(0, 8))}</h1>
      {parent !== null && known === undefined && <p className="muted">{t.start.forkNoInput}</p>}
      <ModelField
        value={draft.model}
        models={models}
        description={model?.description}
        onChange={(name) => change({ model: name })}
      />
      {accepted.includes("messages") && (
        <div role="tablist" aria-label={t.start.input}>
          {(["prompt", "conversation"] as const).map((form) => (
            <button
              key={form}
              type="button"
              role="tab"
              aria-selected={shown.form === form}
              onClick={() => change({ form })}
            >
              {t.start[form]}
            </button>
          ))}
        </div>
      )}
      {isConversation ? (
        <Conversation
          turns={draft.turns}
          takesImages={accepted.includes("images")}
          onChange={(turns) => change({ turns })}
        />
      ) : (
        <Prompt value={draft.prompt} onChange={(prompt) => change({ prompt })} />
      )}
      <Options
        draft={draft}
        accepted={accepted}
        known={model?.options ?? []}
        isPriced={model?.priced !== false}
        onChange={change}
      />
      <Quote draft={shown} accepted={accepted} isUsable={isUsable} />
      {error !== null && (
        <p className="banner" role="alert">
          <Icon name="alert" />
          <span>
            <strong>{t.start.failed}.</strong> {messageOf(error)}
          </span>
        </p>
      )}
      <button type="submit" className="primary" disabled={!isUsable || isStarting}>
        <Icon name="play" />
        {isStarting ? t.start.submitting : t.start.submit}
      </button>
      {!hasText(shown) && <p className="muted">{t.start.needsText}</p>}
    </form>
  );
}

function hasText({ form, prompt, turns }: Draft): boolean {
  const texts =
    form === "prompt" ? [prompt] : turns.map(({ text, images }) => text || (images.length > 0 ? "image" : ""));
  return texts.every((text) => text.trim() !== "") && (form === "prompt" || turns.length % 2 === 1);
}

function ModelField(props: {
  readonly value: string;
  readonly models: readonly Model[];
  readonly description: string | undefined;
  readonly onChange: (model: string) => void;
}): ReactNode {
  const { t } = useLanguage();
  const list = useId();
  return (
    <label>
      {t.start.model}
      <input
        required
        list={list}
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
        autoComplete="off"
        spellCheck={false}
      />
      <datalist id={list}>
        {props.models.map(({ name, description }) => (
          <option key={name} value={name} label={description} />
        ))}
      </datalist>
      <span className="muted">{props.description ?? t.start.modelHelp}</span>
    </label>
  );
}

function Options(props: {
  readonly draft: Draft;
  readonly accepted: readonly string[];
  readonly known: readonly ModelOption[];
  readonly isPriced: boolean;
  readonly onChange: (changes: Partial<Draft>) => void;
}): ReactNode {
  const { draft, accepted, onChange } = props;
  const { t } = useLanguage();
  const set = (name: string, value: string): void => onChange({ options: { ...draft.options, [name]: value } });
  const isBad = parseMetadata(draft.metadata) === undefined;
  return (
    <details className="options" open={Object.values(draft.options).some(Boolean) || undefined}>
      <summary>{t.start.options}</summary>
      <div className="grid">
        {OPTIONS.filter((name) => accepted.includes(name)).map((name) => {
          const option = props.known.find((it) => it.name === name);
          return (
            // biome-ignore lint/a11y/noLabelWithoutControl: one of the two controls is always in it
            <label
              key={name}
              className={name === "system" || name === "stopSequences" ? "wide" : ""}
              title={option?.description}
            >
              {t.start[name]}
              {(NUMBERS as readonly string[]).includes(name) ? (
                <input
                  type="number"
                  min={option?.minimum ?? 0}
                  max={option?.maximum ?? undefined}
                  step={option?.type === "INTEGER" ? 1 : "any"}
                  placeholder={option?.default == null ? "" : String(option.default)}
                  value={draft.options[name] ?? ""}
                  onChange={(event) => set(name, event.target.value)}
                />
              ) : (
                <textarea
                  rows={2}
                  value={draft.options[name] ?? ""}
                  onChange={(event) => set(name, event.target.value)}
                />
              )}
            </label>
          );
        })}
        {props.isPriced && (
          <label>
            {t.start.maxCost}
            <input
              type="number"
              min={0}
              step="any"
              value={draft.maxCost}
              onChange={(event) => onChange({ maxCost: event.target.value })}
            />
          </label>
        )}
        <label className="wide">
          {t.start.metadata}
          <textarea
            rows={2}
            className="code"
            value={draft.metadata}
            aria-invalid={isBad}
            placeholder='{"team": "docs"}'
            onChange={(event) => onChange({ metadata: event.target.value })}
          />
          {isBad && <span className="refused">{t.start.badMetadata}</span>}
        </label>
      </div>
    </details>
  );
}

/** What the job would cost. The text itself is not sent for it, only its size. */
function Quote(props: {
  readonly draft: Draft;
  readonly accepted: readonly string[];
  readonly isUsable: boolean;
}): ReactNode {
  const { t } = useLanguage();
  const { client } = useSession();
  const draft = useDeferredValue(props.draft);
  const [cost, setCost] = useState<Cost | null>(null);
  const [error, setError] = useState<unknown>(null);
  const { accepted, isUsable } = props;
  const input = inputOf(draft, accepted, null);
  const key = JSON.stringify([
    input.model,
    input.maxTokens,
    input.processTime,
    draft.prompt.length,
    draft.turns.length,
  ]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key has everything that a quote depends on
  useEffect(() => {
    setError(null);
    if (!isUsable) return;
    let isCurrent = true;
    const timer = setTimeout(() => {
      client.quote(input).then(
        (quoted) => isCurrent && setCost(quoted),
        (failure) => isCurrent && setError(failure),
      );
    }, QUOTE_PAUSE);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [key, isUsable, client]);
  if (!isUsable) return null;
  return (
    <div className="quote" aria-live="polite">
      {error !== null ? (
        <p className="muted">{messageOf(error)}</p>
      ) : cost === null ? (
        <p className="muted">{t.start.quoting}</p>
      ) : (
        <Bill cost={cost} title={t.start.quote} />
      )}
    </div>
  );
}
