import { type ReactNode, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Link } from "wouter";
import type { Recorded, Recording } from "../delivery/recording.ts";
import { useLanguage } from "../language/Language.tsx";
import { useSession } from "../session/Session.tsx";
import { messageOf } from "../shared/Failure.tsx";
import { Icon } from "../shared/Icon.tsx";
import { fateOf } from "../timeline/geometry.ts";
import { lossesOf, type Naive, NaiveSubscriber } from "./naive.ts";
import { Sliders } from "./Sliders.tsx";

const SECONDS = 12; // that the job takes
const WORDS = 160;

/** The same job, watched by a subscriber that trusts pushes and by the client, while the stack loses pushes. */
export default function LabPage(): ReactNode {
  const { t } = useLanguage();
  const { client, configuration, tokens, jobs, recording } = useSession();
  const [jobId, setJobId] = useState<string | null>(null);
  const [isStarting, setStarting] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const naive = useMemo(() => new NaiveSubscriber(), []);
  useEffect(() => () => naive.close(), [naive]);
  const run = async (): Promise<void> => {
    setStarting(true);
    setError(null);
    try {
      const id = crypto.randomUUID();
      await naive.follow(id, configuration.realtimeUrl, configuration.graphqlUrl, tokens);
      const prompt = "A letter that was lost, and came twice";
      const input = { jobId: id, model: "simulated.story", prompt, processTime: SECONDS, maxTokens: WORDS };
      jobs.merge(await client.start(input));
      setJobId(id);
    } catch (failure) {
      setError(failure);
    } finally {
      setStarting(false);
    }
  };
  return (
    <section className="lab" aria-labelledby="title">
      <div className="title">
        <h1 id="title">{t.lab.title}</h1>
        <button type="button" className="primary" onClick={() => void run()} disabled={isStarting}>
          <Icon name="play" />
          {jobId === null ? t.lab.run : t.lab.again}
        </button>
      </div>
      <p className="intro">{t.lab.intro}</p>
      <Sliders />
      {error !== null && (
        <p className="banner" role="alert">
          <Icon name="alert" />
          <span>{messageOf(error)}</span>
        </p>
      )}
      {jobId !== null && <Comparison key={jobId} naive={naive} recording={recording(jobId)} />}
    </section>
  );
}

function Comparison({
  naive,
  recording,
}: {
  readonly naive: NaiveSubscriber;
  readonly recording: Recording;
}): ReactNode {
  const { t } = useLanguage();
  const pushed = useSyncExternalStore(naive.subscribe, naive.getSnapshot);
  const recorded = useSyncExternalStore(recording.subscribe, recording.getSnapshot);
  const log = useLog(recording.jobId, recorded.view?.endTime != null);
  return (
    <>
      <div className="versus">
        <NaivePanel naive={pushed} recorded={recorded} log={log} />
        <LongcallPanel recorded={recorded} log={log} />
      </div>
      <p>
        <Link href={`/jobs/${recording.jobId}`}>{t.lab.open}</Link>
      </p>
    </>
  );
}

/** The output in the log, read once more when the job has ended, to compare with what is shown; null before that. */
function useLog(jobId: string, hasEnded: boolean): string | null {
  const { client } = useSession();
  const [output, setOutput] = useState<string | null>(null);
  useEffect(() => {
    if (!hasEnded) return;
    client.get(jobId).then(
      (view) => setOutput(view.output),
      () => undefined, // then nothing is claimed about it
    );
  }, [client, jobId, hasEnded]);
  return output;
}

interface PanelProps {
  readonly recorded: Recorded;
  readonly log: string | null;
}

function NaivePanel({ naive, recorded, log }: PanelProps & { readonly naive: Naive }): ReactNode {
  const { t, format } = useLanguage();
  const { tape } = recorded;
  const { missing, repeated } = lossesOf(naive.pushes, tape.length);
  const isRight = naive.output === log;
  const isWrong = !isRight && (log !== null || missing + repeated > 0);
  return (
    <section className="panel" data-verdict={isRight ? "right" : isWrong ? "wrong" : "open"}>
      <header className="panel-bar">
        <h2>{t.lab.naive}</h2>
        <span className="verdict" role="status">
          {isRight ? t.lab.right : t.lab.wrong(format.number(missing), format.number(repeated))}
        </span>
        <p className="muted">{t.lab.naiveText}</p>
      </header>
      <Strip
        label={t.lab.naive}
        cells={Array.from({ length: tape.length }, (_, index) => {
          const pushes = naive.pushes.get(index + 1) ?? 0;
          return pushes === 0 ? "healed" : pushes > 1 ? "repeated" : "pushed";
        })}
      />
      <Text text={naive.output} />
    </section>
  );
}

function LongcallPanel({ recorded, log }: PanelProps): ReactNode {
  const { t, format } = useLanguage();
  const { tape, arrivals, view } = recorded;
  const isRight = view?.output === log;
  const events = log === null ? t.lab.events(format.number(tape.length)) : isRight ? t.lab.right : t.lab.different;
  return (
    <section className="panel" data-verdict={log === null ? "open" : isRight ? "right" : "wrong"}>
      <header className="panel-bar">
        <h2>{t.lab.longcall}</h2>
        <span className="verdict" role="status">
          {events} · {t.lab.healed(format.number(arrivals.count().healed))}
        </span>
        <p className="muted">{t.lab.longcallText}</p>
      </header>
      <Strip
        label={t.lab.longcall}
        cells={Array.from({ length: tape.length }, (_, index) => {
          const fate = fateOf(arrivals.of(index + 1));
          return fate === "healed" ? "read" : fate === "read" ? "read" : fate === "repeated" ? "pushed" : fate;
        })}
      />
      <Text text={view?.output ?? ""} />
    </section>
  );
}

/** One cell for each event of the log, coloured by what became of it. */
function Strip({ label, cells }: { readonly label: string; readonly cells: readonly string[] }): ReactNode {
  const { t } = useLanguage();
  return (
    <div className="strip" role="img" aria-label={`${label}: ${t.timeline.events(cells.length)}`}>
      {cells.map((fate, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the index is the event's position in the log
        <i key={index} data-fate={fate} />
      ))}
    </div>
  );
}

function Text({ text }: { readonly text: string }): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a longer text moves its end
  useEffect(() => {
    if (box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);
  return (
    <div className="text" ref={box} tabIndex={0}>
      {text}
    </div>
  );
}
