import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, type ReactNode, useEffect, useRef } from "react";
import type { Tape } from "../delivery/tape.ts";
import { useLanguage } from "../language/Language.tsx";
import type { Life, Mark } from "./geometry.ts";

const ROW = 28; // pixels

/** The events of a job's log, each with how it arrived. A click moves to that event. */
export function EventTable(props: {
  readonly life: Life;
  readonly tape: Tape;
  readonly position: number;
  readonly onSeek: (position: number) => void;
}): ReactNode {
  const { life, tape, position, onSeek } = props;
  const { t } = useLanguage();
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: life.marks.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 10,
  });
  useEffect(() => {
    if (position > 0) rows.scrollToIndex(position - 1, { align: "auto" });
  }, [position, rows]);
  const { sequence, kind, written, latency, arrival } = t.events;
  return (
    <>
      <div
        className="events"
        ref={scroller}
        role="table"
        aria-rowcount={life.marks.length + 1}
        tabIndex={0}
        aria-label={t.job.events}
      >
        <div className="event head" role="row" aria-rowindex={1}>
          {[sequence, kind, written, latency, arrival].map((name) => (
            <span key={name} role="columnheader">
              {name}
            </span>
          ))}
        </div>
        <div role="rowgroup" style={{ height: rows.getTotalSize(), position: "relative" }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const mark = life.marks[index];
            return (
              mark !== undefined && (
                <EventRow
                  key={mark.position}
                  mark={mark}
                  delta={life.lengths[index] === undefined ? "" : tape.outline(mark.position).delta}
                  top={start}
                  isHere={mark.position === position}
                  onSeek={onSeek}
                />
              )
            );
          })}
        </div>
      </div>
      {position > 0 && position <= tape.length && (
        <details className="raw">
          <summary>{t.events.raw}</summary>
          <pre>{rawEvent(tape, position)}</pre>
        </details>
      )}
    </>
  );
}

const EventRow = memo(function EventRow(props: {
  readonly mark: Mark;
  readonly delta: string;
  readonly top: number;
  readonly isHere: boolean;
  readonly onSeek: (position: number) => void;
}): ReactNode {
  const { mark, onSeek } = props;
  const { t, format } = useLanguage();
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the arrow keys and the slider do the same
    <div
      className="event"
      role="row"
      aria-rowindex={mark.position + 1}
      data-here={props.isHere || undefined}
      style={{ transform: `translateY(${props.top}px)` }}
      onClick={() => onSeek(mark.position)}
    >
      <span role="cell" className="number">
        {mark.position}
      </span>
      <span role="cell" className="clip" title={props.delta.slice(0, 300)}>
        {t.events.kinds[mark.kind] ?? mark.kind} <i>{props.delta.slice(0, 60)}</i>
      </span>
      <span role="cell" className="number">
        {format.time(mark.writtenAt)}
      </span>
      <span role="cell" className="number">
        {mark.fate === "read" ? "–" : format.duration(mark.shownAt - mark.writtenAt)}
      </span>
      <span role="cell" className="fate" data-fate={mark.fate}>
        {t.timeline[mark.fate]}
      </span>
    </div>
  );
});

/** The event at a position, as JSON, without the fields that are empty. */
function rawEvent(tape: Tape, position: number): string {
  const { held: _held, output: _output, ...fields } = tape.outline(position);
  const filled = Object.entries(fields).filter(([, value]) => value !== null && value !== "" && value !== false);
  return JSON.stringify(Object.fromEntries(filled), null, 2);
}
