import type { Event } from "longcall";
import { memo, type ReactNode } from "react";
import { Link } from "wouter";
import { useLanguage } from "../language/Language.tsx";
import { Progress } from "../shared/Progress.tsx";
import { Status } from "../shared/Status.tsx";

/** The names of the columns. */
export function HeadRow(): ReactNode {
  const { t } = useLanguage();
  const { status, model, progress, started, duration, cost, id } = t.jobs.columns;
  return (
    <div className="row head" role="row" aria-rowindex={1}>
      {[status, model, progress, started, duration, cost, id].map((name) => (
        <span key={name} role="columnheader">
          {name}
        </span>
      ))}
    </div>
  );
}

/** One job. `now` is 0 for a job that has ended, so that its row is rendered again only when what it shows changes. */
export const JobRow = memo(function JobRow(props: {
  readonly job: Event;
  readonly index: number;
  readonly top: number;
  readonly isSelected: boolean;
  readonly now: number;
  readonly age: string;
  readonly onOpen: (job: Event) => void;
}): ReactNode {
  const { job, now } = props;
  const { format } = useLanguage();
  const end = job.endTime === null ? now : Date.parse(job.endTime);
  const duration = job.startTime === null ? null : end - Date.parse(job.startTime);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the link in the row and the page's keys do the same
    <div
      className="row"
      role="row"
      aria-rowindex={props.index + 2}
      data-selected={props.isSelected || undefined}
      style={{ transform: `translateY(${props.top}px)` }}
      onClick={() => props.onOpen(job)}
    >
      <span role="cell">
        <Status status={job.status} />
      </span>
      <span role="cell" className="model" title={job.model}>
        {job.model}
      </span>
      <span role="cell" className="progress">
        {job.endTime === null ? (
          <Progress share={job.progress} isRunning={job.status === "PROCESSING"} />
        ) : (
          <span className="muted clip">{job.error ?? job.message}</span>
        )}
      </span>
      <span role="cell" title={format.moment(job.createdAt)}>
        {props.age}
      </span>
      <span role="cell" className="number">
        {duration === null ? "–" : format.duration(duration)}
      </span>
      <span role="cell" className="number">
        {job.cost === null ? "–" : format.money(job.cost.total, job.cost.currency)}
      </span>
      <span role="cell" className="id">
        <Link href={`/jobs/${job.jobId}`} title={job.jobId} onClick={(event) => event.stopPropagation()}>
          {job.jobId.slice(0, 8)}
        </Link>
      </span>
    </div>
  );
});
