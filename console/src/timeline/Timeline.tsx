import { memo, type PointerEvent, type ReactNode, useMemo } from "react";
import { useLanguage } from "../language/Language.tsx";
import { useWidth } from "../shared/useWidth.ts";
import { type Fate, type Life, type Mark, medianLatency, outputArea, positionAt, scale, ticks } from "./geometry.ts";

const AXIS = 18; // pixels, as all sizes here
const BAR = 22;
const GAP = 8;
const LINES = 64;
const AREA = 40;
const HEIGHT = AXIS + BAR + GAP + LINES + GAP + AREA + 2;
const PER_TICK = 90;
const FATES: readonly Fate[] = ["pushed", "healed", "late", "repeated", "read"];

/** The picture of a job's life. A click or a drag in it moves to that moment. */
export function Timeline(props: {
  readonly life: Life;
  readonly position: number;
  readonly onSeek: (position: number) => void;
}): ReactNode {
  const { life, position, onSeek } = props;
  const { t, format } = useLanguage();
  const [box, width] = useWidth<HTMLDivElement>();
  const x = useMemo(() => scale(life.from, life.to, width), [life.from, life.to, width]);
  const here = life.marks[position - 1];
  const at = here === undefined ? 0 : x(here.writtenAt);
  const seek = (event: PointerEvent<HTMLDivElement>): void => {
    if (event.buttons !== 1) return;
    const left = event.currentTarget.getBoundingClientRect().left;
    const time = life.from + ((event.clientX - left) / Math.max(1, width)) * (life.to - life.from);
    onSeek(positionAt(life.marks, time));
  };
  const median = medianLatency(life.marks);
  return (
    <figure className="timeline">
      <figcaption>
        <Legend marks={life.marks} />
        {median !== null && <span className="muted">{t.timeline.median(format.duration(median))}</span>}
      </figcaption>
      <div
        ref={box}
        className="picture"
        style={{ height: HEIGHT }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          seek(event);
        }}
        onPointerMove={seek}
      >
        {width > 0 && <Picture life={life} width={width} />}
        {/* Elements of their own, so that moving them does not draw the picture again. */}
        <div className="future" style={{ transform: `translateX(${at}px)` }} />
        <div className="here" style={{ transform: `translateX(${at}px)` }} />
      </div>
    </figure>
  );
}

/** What does not depend on the position. */
const Picture = memo(function Picture({ life, width }: { readonly life: Life; readonly width: number }): ReactNode {
  const { t, format } = useLanguage();
  const x = scale(life.from, life.to, width);
  const top = AXIS + BAR + GAP;
  const base = top + LINES + GAP;
  return (
    <svg
      width={width}
      height={HEIGHT}
      role="img"
      aria-label={`${t.timeline.title}: ${t.timeline.chart(life.marks.length, format.duration(life.to - life.from))}`}
    >
      {ticks(life.to - life.from, Math.max(1, Math.floor(width / PER_TICK))).map((moment) => {
        const at = x(life.from + moment);
        return (
          <g key={moment} className="tick">
            <line x1={at} x2={at} y1={AXIS} y2={HEIGHT} />
            <text x={at + 3} y={12}>
              {moment === 0 ? format.time(life.from).slice(0, 8) : `+${format.tick(moment)}`}
            </text>
          </g>
        );
      })}
      {life.spans.map((span) => {
        const from = x(span.from);
        const size = Math.max(2, x(span.to) - from);
        const name = span.attempt === 0 ? t.job.waiting : t.job.attempt(span.attempt);
        const continued = span.continues === null ? "" : span.continues ? t.timeline.kept : t.timeline.restarted;
        return (
          <g key={span.attempt} className="span" data-outcome={span.outcome}>
            <title>{[name, continued, format.duration(span.to - span.from)].filter(Boolean).join(" · ")}</title>
            <rect x={from} y={AXIS} width={size} height={BAR} rx={4} />
            <svg x={from} y={AXIS} width={size} height={BAR}>
              <text x={8} y={15}>
                {size > 60 ? name : span.attempt || ""}
              </text>
            </svg>
          </g>
        );
      })}
      {life.silences.map(({ from, to }) => (
        <rect key={from} className="silence" x={x(from)} y={top} width={x(to) - x(from)} height={LINES}>
          <title>{t.timeline.silence(format.duration(to - from))}</title>
        </rect>
      ))}
      {FATES.map((fate) => (
        <path key={fate} className="mark" data-fate={fate} d={linesOf(life.marks, fate, x, top)} />
      ))}
      <text className="lane" x={4} y={top + 10}>
        {t.timeline.logged}
      </text>
      <text className="lane" x={4} y={top + LINES - 3}>
        {t.timeline.shown}
      </text>
      <path className="area" d={outputArea(life, x, AREA)} transform={`translate(0,${base})`} />
    </svg>
  );
});

/** One path for all events of a kind: from written, above, to shown, below. Equal lines are drawn once. */
function linesOf(marks: readonly Mark[], fate: Fate, x: (time: number) => number, top: number): string {
  let path = "";
  let last = "";
  for (const mark of marks) {
    if (mark.fate !== fate) continue;
    const from = x(mark.writtenAt).toFixed(1);
    // Events that were read when the page opened were shown long after: only their beginning is drawn.
    const line =
      fate === "read" ? `M${from},${top}v10` : `M${from},${top}L${x(mark.shownAt).toFixed(1)},${top + LINES}`;
    if (line !== last) path += line;
    last = line;
  }
  return path;
}

function Legend({ marks }: { readonly marks: readonly Mark[] }): ReactNode {
  const { t, format } = useLanguage();
  const counts = useMemo(() => {
    const found = new Map<Fate, number>();
    for (const { fate } of marks) found.set(fate, (found.get(fate) ?? 0) + 1);
    return found;
  }, [marks]);
  return (
    <ul className="legend" title={t.timeline.help}>
      {FATES.filter((fate) => counts.has(fate)).map((fate) => (
        <li key={fate} data-fate={fate}>
          {t.timeline[fate]} <b>{format.number(counts.get(fate) ?? 0)}</b>
        </li>
      ))}
    </ul>
  );
}
