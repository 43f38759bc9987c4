import { InvalidInput, JobNotFound, type JobView } from "longcall";
import { type ReactNode, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { Link, useLocation, useSearch } from "wouter";
import type { Recorded } from "../delivery/recording.ts";
import { useLanguage } from "../language/Language.tsx";
import { useSession } from "../session/Session.tsx";
import { messageOf } from "../shared/Failure.tsx";
import { Icon } from "../shared/Icon.tsx";
import { Progress } from "../shared/Progress.tsx";
import { Status } from "../shared/Status.tsx";
import { useClock } from "../shared/useClock.ts";
import { useKeys } from "../shared/useKeys.ts";
import { EventTable } from "../timeline/EventTable.tsx";
import { lifeOf, timeOf } from "../timeline/geometry.ts";
import { Timeline } from "../timeline/Timeline.tsx";
import { TimeTravel } from "../timeline/TimeTravel.tsx";
import { useTravel } from "../timeline/useTravel.ts";
import { Actions } from "./Actions.tsx";
import { Details } from "./Details.tsx";
import { Output } from "./Output.tsx";

const TICK = 250; // milliseconds between updates of durations, and of a picture without new events

/** One job: its output, its life, and every moment of it. */
export function JobPage({ jobId }: { readonly jobId: string }): ReactNode {
  const { t } = useLanguage();
  const session = useSession();
  const recording = useMemo(() => session.recording(jobId), [session, jobId]);
  const recorded = useSyncExternalStore(recording.subscribe, recording.getSnapshot);
  const { view, error } = recorded;
  useEffect(() => {
    if (view !== null) session.jobs.merge(view);
  }, [session, view]);
  useEffect(() => {
    document.title = `${jobId.slice(0, 8)} · Longcall`;
    return () => {
      document.title = "Longcall";
    };
  }, [jobId]);
  if (view !== null) return <KnownJob recorded={recorded} newest={view} onRetry={recording.retry} />;
  if (error !== null) {
    return (
      <div className="notice" role="alert">
        <Icon name="alert" />
        <h1>{t.job.failed}</h1>
        <p>{messageOf(error)}</p>
        <p className="buttons">
          {!(error instanceof JobNotFound || error instanceof InvalidInput) && (
            <button type="button" onClick={recording.retry}>
              {t.job.retry}
            </button>
          )}
          <Link href="/">{t.job.back}</Link>
        </p>
      </div>
    );
  }
  return (
    <div className="skeleton" role="status" aria-label={t.job.loading}>
      <div />
      <div />
      <div />
    </div>
  );
}

function KnownJob(props: {
  readonly recorded: Recorded;
  readonly newest: JobView;
  readonly onRetry: () => void;
}): ReactNode {
  const { recorded, newest } = props;
  const { tape, arrivals, error } = recorded;
  const { t, format } = useLanguage();
  const [, navigate] = useLocation();
  const [start] = useState(useStart());
  const length = tape.length;
  const isRunning = newest.endTime === null;
  const now = useClock(TICK, isRunning);
  const travel = useTravel(tape, length, start);
  // biome-ignore lint/correctness/useExhaustiveDependencies: tape and arrivals grow, and `length` and `now` say when
  const life = useMemo(() => lifeOf(tape, arrivals, now), [tape, arrivals, length, now]);
  const { position, isLive } = travel;
  const view = useMemo(() => (position === 0 ? newest : tape.at(position)), [tape, position, newest]);
  useKeys({
    ArrowLeft: () => travel.seek(position - 1),
    ArrowRight: () => travel.seek(position + 1),
    End: travel.goLive,
    Home: () => travel.seek(1),
    " ": travel.toggle,
    Escape: () => navigate("/"),
  });
  const moment = isLive && isRunning ? now : timeOf(view);
  const duration = view.startTime === null ? null : (endOf(view) ?? moment) - Date.parse(view.startTime);
  const parent = parentOf(view);
  return (
    <article className="job" data-past={!isLive || undefined} data-position={position}>
      <div className="title">
        <Link href="/" className="back" aria-label={t.job.back} title={t.job.back}>
          <Icon name="back" />
        </Link>
        <div className="name">
          <h1>
            <span>{view.model}</span> <code>{view.jobId.slice(0, 8)}</code>
          </h1>
          <p>
            <Status status={view.status} />
            {view.attempt > 1 && <span>{t.job.attempt(view.attempt)}</span>}
            <span title={format.moment(view.createdAt)}>{format.ago(view.createdAt, now)}</span>
            {duration !== null && <span>{format.duration(Math.max(0, duration))}</span>}
            {view.cost !== null && <span>{format.money(view.cost.total, view.cost.currency)}</span>}
            {parent !== null && (
              <span>
                {t.job.parent} <Link href={`/jobs/${parent}`}>{parent.slice(0, 8)}</Link>
              </span>
            )}
            {position < length && <span className="past">{t.travel.past}</span>}
          </p>
        </div>
        <Actions view={newest} />
      </div>
      {view.endTime === null && (
        <div className="now">
          <Progress share={view.progress} isRunning={isRunning} />
          <span role="status">{view.status === "PENDING" ? t.job.waiting : view.message}</span>
        </div>
      )}
      {error !== null && (
        <p className="banner" role="alert">
          <Icon name="alert" />
          <span>
            <strong>{t.job.interrupted}</strong> {messageOf(error)}
          </span>
          <button type="button" onClick={props.onRetry}>
            {t.job.retry}
          </button>
        </p>
      )}
      <section className="panel life" aria-label={t.timeline.title}>
        <Timeline life={life} position={position} onSeek={travel.seek} />
        <TimeTravel travel={travel} length={length} time={view.updatedAt} isRunning={isRunning} />
      </section>
      <div className="columns">
        <Output view={view} isMoving={view.endTime === null || !isLive} />
        <div className="side">
          <Details view={view} />
          <section className="panel" aria-label={t.job.events}>
            <h2 className="panel-bar">{t.job.events}</h2>
            <EventTable life={life} tape={tape} position={position} onSeek={travel.seek} />
          </section>
        </div>
      </div>
    </article>
  );
}

/** The position that the address names, as `?at=12`; null for live. */
function useStart(): number | null {
  const at = Number(new URLSearchParams(useSearch()).get("at"));
  return Number.isSafeInteger(at) && at > 0 ? at : null;
}

function endOf(view: JobView): number | null {
  return view.endTime === null ? null : Date.parse(view.endTime);
}

/** The job that this one runs again, from its metadata. */
function parentOf({ metadata }: JobView): string | null {
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) return null;
  const { parentJobId } = metadata as { readonly parentJobId?: unknown };
  return typeof parentJobId === "string" ? parentJobId : null;
}
