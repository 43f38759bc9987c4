import { useVirtualizer } from "@tanstack/react-virtual";
import type { Event } from "longcall";
import {
  type ReactNode,
  useCallback,
  useDeferredValue,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { useLocation, useSearch } from "wouter";
import { useLanguage } from "../language/Language.tsx";
import { useSession } from "../session/Session.tsx";
import { useConfirm } from "../shared/Confirm.tsx";
import { messageOf } from "../shared/Failure.tsx";
import { Icon } from "../shared/Icon.tsx";
import { useClock } from "../shared/useClock.ts";
import { useKeys } from "../shared/useKeys.ts";
import { FilterBar } from "./FilterBar.tsx";
import { type Filters, filtered, parseFilters, renderFilters } from "./filters.ts";
import { HeadRow, JobRow } from "./JobRow.tsx";

const ROW = 44; // pixels
const AHEAD = 12; // rows that are rendered outside of the view
const TICK = 1_000; // milliseconds between updates of ages and durations

/** The caller's jobs. */
export function JobsPage(): ReactNode {
  const { t, format } = useLanguage();
  const { jobs: list, client } = useSession();
  const { jobs, hasMore, isReading, isKnown, error } = useSyncExternalStore(list.subscribe, list.getSnapshot);
  const [, navigate] = useLocation();
  const filters = useFilters();
  const now = useClock(TICK);
  const shownFilters = useDeferredValue(filters.value);
  const shown = useMemo(() => filtered(jobs, shownFilters, Date.now()), [jobs, shownFilters]);
  const search = useRef<HTMLInputElement>(null);
  const confirm = useConfirm();
  const [refusal, setRefusal] = useState<unknown>(null);
  const open = useCallback((job: Event): void => navigate(`/jobs/${job.jobId}`), [navigate]); // the same for all rows
  const cancel = (job: Event): void => {
    if (job.endTime !== null) return;
    confirm.ask(t.jobs.confirmCancel(job.jobId.slice(0, 8)), () => {
      client.cancel(job.jobId).then((event) => list.merge(event), setRefusal);
    });
  };
  const isFiltered = renderFilters(filters.value) !== "";
  return (
    <section className="jobs" aria-labelledby="title" aria-busy={isReading}>
      <div className="title">
        <h1 id="title">{t.jobs.title}</h1>
        <span className="count">
          {isKnown && t.jobs.count(format.number(shown.length), format.number(jobs.length))}
        </span>
        <button type="button" className="primary" onClick={() => navigate("/start")}>
          <Icon name="plus" />
          {t.nav.start}
        </button>
      </div>
      <FilterBar filters={filters.value} onChange={filters.set} search={search} />
      {refusal !== null && (
        <p className="banner" role="alert">
          <Icon name="alert" />
          <span>{messageOf(refusal)}</span>
        </p>
      )}
      {error !== null && (
        <p className="banner" role="alert">
          <Icon name="alert" />
          <span>
            <strong>{t.jobs.failed}.</strong> {messageOf(error)}
          </span>
          <button type="button" onClick={list.retry}>
            {t.job.retry}
          </button>
        </p>
      )}
      {!isKnown && error === null && <Skeleton label={t.jobs.loading} />}
      {isKnown && shown.length === 0 && (
        <div className="notice">
          <Icon name={isFiltered ? "search" : "jobs"} />
          <h2>{isFiltered ? t.jobs.noMatch : t.jobs.empty}</h2>
          <p>{isFiltered ? t.jobs.noMatchText : t.jobs.emptyText}</p>
          {isFiltered ? (
            <button type="button" onClick={() => filters.set(NO_FILTERS)}>
              {t.jobs.clear}
            </button>
          ) : (
            <button type="button" className="primary" onClick={() => navigate("/start")}>
              {t.nav.start}
            </button>
          )}
        </div>
      )}
      {shown.length > 0 && (
        <Rows
          jobs={shown}
          now={now}
          canReadMore={hasMore && !isReading}
          readMore={list.readMore}
          onOpen={open}
          onCancel={cancel}
          onSearch={() => search.current?.focus()}
          onStart={() => navigate("/start")}
        />
      )}
      {confirm.dialog}
    </section>
  );
}

const NO_FILTERS: Filters = { status: "", model: "", age: "", text: "" };

/** The filters of the address. Changes replace it, so that Back leaves the list. */
function useFilters(): { readonly value: Filters; readonly set: (filters: Filters) => void } {
  const query = useSearch();
  const [, navigate] = useLocation();
  const value = useMemo(() => parseFilters(query), [query]);
  return { value, set: (filters) => navigate(`/${renderFilters(filters)}`, { replace: true }) };
}

/** The rows that are in view. One of them is selected; the keyboard moves the selection. */
function Rows(props: {
  readonly jobs: readonly Event[];
  readonly now: number;
  readonly canReadMore: boolean;
  readonly readMore: () => Promise<void>;
  readonly onOpen: (job: Event) => void;
  readonly onCancel: (job: Event) => void;
  readonly onSearch: () => void;
  readonly onStart: () => void;
}): ReactNode {
  const { jobs, canReadMore, readMore } = props;
  const { t, format } = useLanguage();
  const scroller = useRef<HTMLDivElement>(null);
  const [selectedId, select] = useState<string | null>(null);
  const selected = Math.max(
    0,
    jobs.findIndex(({ jobId }) => jobId === selectedId),
  );
  const rows = useVirtualizer({
    count: jobs.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    getItemKey: (index) => jobs[index]?.jobId ?? index,
    overscan: AHEAD,
  });
  const visible = rows.getVirtualItems();
  const lastVisible = visible.at(-1)?.index ?? 0;
  useEffect(() => {
    if (canReadMore && lastVisible >= jobs.length - AHEAD) void readMore();
  }, [canReadMore, lastVisible, jobs.length, readMore]);
  const move = (by: number): void => {
    const index = Math.min(jobs.length - 1, Math.max(0, selectedId === null ? 0 : selected + by));
    select(jobs[index]?.jobId ?? null);
    rows.scrollToIndex(index);
  };
  const withSelected = (act: (job: Event) => void): void => {
    const job = jobs[selected];
    if (job !== undefined) act(job);
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: () => withSelected(props.onOpen),
    c: () => withSelected(props.onCancel),
    "/": props.onSearch,
    n: props.onStart,
  });
  return (
    <div
      className="rows"
      ref={scroller}
      role="table"
      aria-rowcount={jobs.length + 1}
      tabIndex={0}
      aria-label={t.jobs.title}
    >
      <HeadRow />
      <div role="rowgroup" style={{ height: rows.getTotalSize(), position: "relative" }}>
        {visible.map(({ index, key, start }) => {
          const job = jobs[index];
          return (
            job !== undefined && (
              <JobRow
                key={key}
                job={job}
                index={index}
                top={start}
                isSelected={job.jobId === selectedId}
                now={job.endTime === null ? props.now : 0}
                age={format.ago(job.createdAt, props.now)}
                onOpen={props.onOpen}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

function Skeleton({ label }: { readonly label: string }): ReactNode {
  return (
    <div className="skeleton" role="status" aria-label={label}>
      {["a", "b", "c", "d", "e", "f"].map((key) => (
        <div key={key} />
      ))}
    </div>
  );
}
