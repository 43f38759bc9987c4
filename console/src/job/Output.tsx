import type { JobView, Json } from "longcall";
import {
  lazy,
  memo,
  type ReactNode,
  Suspense,
  useDeferredValue,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { useLanguage } from "../language/Language.tsx";
import { CopyButton } from "../shared/CopyButton.tsx";
import { Icon } from "../shared/Icon.tsx";
import { blocksOf } from "./blocks.ts";
import { JsonTree } from "./JsonTree.tsx";

const Markdown = lazy(() => import("./Markdown.tsx"));
const MOST_MARKDOWN = 200_000; // UTF-16 code units that are shown as Markdown at most
const MOST_JSON = 5_000_000; // as JSON
const NEAR = 60; // pixels from the end within which the end is followed

type Form = "text" | "markdown" | "json";
const FORMS: readonly Form[] = ["text", "markdown", "json"];

/** The text that a job has produced at the moment that is shown: its output, or its result if that is another text. */
export function textOf(view: JobView): string {
  return view.result !== null && view.result !== view.output && view.output === "" ? view.result : view.output;
}

/** A job's output, in the form that the user chooses. */
export function Output(props: { readonly view: JobView; readonly isMoving: boolean }): ReactNode {
  const { view, isMoving } = props;
  const { t, format } = useLanguage();
  const [form, setForm] = useState<Form>("text");
  const text = textOf(view);
  const bytes = useMemo(() => new TextEncoder().encode(text).length, [text]);
  return (
    <section className="panel output" aria-label={t.output.title}>
      <div className="panel-bar">
        <div role="tablist" aria-label={t.output.title}>
          {FORMS.map((name) => (
            <button key={name} type="button" role="tab" aria-selected={form === name} onClick={() => setForm(name)}>
              {t.output[name]}
            </button>
          ))}
        </div>
        <span className="muted">{t.output.size(format.bytes(bytes))}</span>
        <CopyButton text={() => text} label={t.output.copy} />
        <button type="button" className="quiet" onClick={() => download(text, view.jobId)} disabled={text === ""}>
          <Icon name="download" />
          <span>{t.output.download}</span>
        </button>
      </div>
      {text === "" ? (
        <p className="nothing">{view.endTime === null ? t.job.noOutput : t.job.noOutputEnded}</p>
      ) : (
        <Follower length={text.length} isMoving={isMoving}>
          <Formed text={text} form={form} />
        </Follower>
      )}
    </section>
  );
}

function Formed({ text, form }: { readonly text: string; readonly form: Form }): ReactNode {
  const { t } = useLanguage();
  const calm = useDeferredValue(text); // Markdown and JSON may fall behind; text may not
  const json = useMemo(() => (form === "json" ? parsed(calm) : undefined), [form, calm]);
  if (form === "markdown" && text.length <= MOST_MARKDOWN) {
    return (
      <Suspense fallback={<Text text={text} />}>
        <Markdown text={calm} />
      </Suspense>
    );
  }
  if (form === "json" && json !== undefined) {
    return (
      <div className="json">
        <JsonTree value={json} isOpen />
      </div>
    );
  }
  const note = form === "markdown" ? t.output.tooLongForMarkdown : form === "json" ? t.output.notJson : null;
  return (
    <>
      {note !== null && <p className="note">{note}</p>}
      <Text text={text} />
    </>
  );
}

function parsed(text: string): Json | undefined {
  if (text.length > MOST_JSON) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Exact text. The browser lays out only the blocks that are in view. */
function Text({ text }: { readonly text: string }): ReactNode {
  const blocks = useMemo(() => blocksOf(text), [text]);
  return (
    <div className="text" aria-live="off">
      {blocks.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks are only added at the end
        <Block key={index} text={block} />
      ))}
    </div>
  );
}

const Block = memo(function Block({ text }: { readonly text: string }): ReactNode {
  return <div>{text}</div>;
});

/** Scrolls with the end of its content, as long as the user is there. */
function Follower(props: {
  readonly length: number;
  readonly isMoving: boolean;
  readonly children: ReactNode;
}): ReactNode {
  const { length, isMoving } = props;
  const { t } = useLanguage();
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a longer content moves its end
  useLayoutEffect(() => {
    if (isMoving && isAtEnd.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [length, isMoving]);
  return (
    <section
      ref={box}
      className="scroller"
      tabIndex={0}
      aria-label={t.output.title}
      onScroll={({ currentTarget: it }) => {
        isAtEnd.current = it.scrollHeight - it.scrollTop - it.clientHeight < NEAR;
      }}
    >
      {props.children}
    </section>
  );
}

function download(text: string, jobId: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `${jobId}.txt`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1_000);
}
