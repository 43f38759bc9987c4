import { useEffect, useState } from "react";

/** The time in milliseconds since the epoch, again at each interval while `isRunning`. */
export function useClock(interval: number, isRunning = true): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(() => setNow(Date.now()), interval);
    return () => clearInterval(timer);
  }, [interval, isRunning]);
  return now;
}
