import { useCallback, useEffect, useRef, useState } from "react";
import type { Tape } from "../delivery/tape.ts";
import { timeOf } from "./geometry.ts";

export const SPEEDS = [1, 10, 100] as const;
const LONGEST_IDLE = 2_000; // milliseconds of the job's time that a player waits at most between two events

/** Where in a job's log the page is: at a position, or live at the newest event. */
export interface Travel {
  /** The number of events that are shown. 0 if there are none. */
  readonly position: number;
  readonly isLive: boolean;
  readonly isPlaying: boolean;
  readonly speed: number;
  readonly seek: (position: number) => void;
  readonly goLive: () => void;
  readonly toggle: () => void;
  readonly setSpeed: (speed: number) => void;
}

/**
 * Moves through a job's log.
 *
 * @param length - The number of events of the tape now.
 * @param start - The position to begin at; null for live.
 */
export function useTravel(tape: Tape, length: number, start: number | null): Travel {
  const [chosen, setChosen] = useState<number | null>(start);
  const [isPlaying, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<number>(1);
  const position = chosen === null ? length : Math.min(chosen, length);
  const latest = useRef({ position, length });
  useEffect(() => {
    latest.current = { position, length };
  });

  const seek = useCallback((to: number) => {
    setPlaying(false);
    setChosen(Math.max(1, Math.min(to, latest.current.length)));
  }, []);
  const goLive = useCallback(() => {
    setPlaying(false);
    setChosen(null);
  }, []);
  const toggle = useCallback(() => {
    setPlaying((wasPlaying) => {
      const { position: at, length: end } = latest.current;
      if (!wasPlaying && at >= end) setChosen(1); // play again from the beginning
      return !wasPlaying;
    });
  }, []);

  useEffect(() => {
    if (!isPlaying) return;
    let frame = 0;
    let last = performance.now();
    let elapsed = 0; // milliseconds of the job's time since the event at the position
    const play = (now: number): void => {
      elapsed += (now - last) * speed;
      last = now;
      const { position: from, length: end } = latest.current;
      let to = from;
      while (to < end) {
        const wait = Math.min(LONGEST_IDLE, pause(tape, to));
        if (elapsed < wait) break;
        elapsed -= wait;
        to += 1;
      }
      if (to !== from) {
        latest.current = { position: to, length: end };
        setChosen(to);
      }
      if (to >= end) setPlaying(false);
      else frame = requestAnimationFrame(play);
    };
    frame = requestAnimationFrame(play);
    return () => cancelAnimationFrame(frame);
  }, [isPlaying, speed, tape]);

  return { position, isLive: chosen === null, isPlaying, speed, seek, goLive, toggle, setSpeed };
}

/** The time between the event at a position and the next one, in milliseconds. */
function pause(tape: Tape, position: number): number {
  return Math.max(0, timeOf(tape.outline(position + 1)) - timeOf(tape.outline(position)));
}
