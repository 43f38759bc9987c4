import type { ReactNode } from "react";
import { useLanguage } from "../language/Language.tsx";
import { Icon } from "../shared/Icon.tsx";
import { SPEEDS, type Travel } from "./useTravel.ts";

/** The slider over a job's log, and the player. */
export function TimeTravel(props: {
  readonly travel: Travel;
  readonly length: number;
  /** The time of the event that is shown. */
  readonly time: string | null;
  readonly isRunning: boolean;
}): ReactNode {
  const { travel, length, time } = props;
  const { t, format } = useLanguage();
  const { position, isLive, isPlaying } = travel;
  const text = t.travel.at(position, length, format.time(time));
  return (
    <fieldset className="travel" aria-label={t.travel.slider} data-past={!isLive || undefined}>
      <button
        type="button"
        onClick={travel.toggle}
        aria-label={isPlaying ? t.travel.pause : t.travel.play}
        disabled={length < 2}
      >
        <Icon name={isPlaying ? "pause" : "play"} />
      </button>
      <fieldset className="speeds" aria-label={t.travel.speed}>
        {SPEEDS.map((speed) => (
          <button
            key={speed}
            type="button"
            aria-pressed={travel.speed === speed}
            onClick={() => travel.setSpeed(speed)}
          >
            {speed}×
          </button>
        ))}
      </fieldset>
      <input
        type="range"
        min={1}
        max={Math.max(1, length)}
        value={Math.max(1, position)}
        aria-label={t.travel.slider}
        aria-valuetext={text}
        onChange={(event) => travel.seek(Number(event.target.value))}
      />
      <output className="at">
        <b>{format.number(position)}</b> / {format.number(length)}
        <span className="muted">{format.time(time)}</span>
      </output>
      <button type="button" className="end" onClick={travel.goLive} aria-pressed={isLive}>
        {props.isRunning ? <span className="dot" /> : <Icon name="end" />}
        {props.isRunning ? t.travel.live : t.travel.toEnd}
      </button>
    </fieldset>
  );
}
