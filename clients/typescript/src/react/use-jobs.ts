import { useMemo } from "react";
import { watchAll } from "../jobs/index.ts";
import type { Event } from "../model.ts";
import type { Phase } from "./follower.ts";
import { useLongcall } from "./provider.ts";
import { useSource } from "./use-source.ts";

/** The caller's jobs. */
export interface Jobs {
  readonly phase: Phase;
  /** The newest event of each job, newest job first, without texts. Null until the list is known. */
  readonly jobs: readonly Event[] | null;
  readonly error: Error | null;
  /** Follows the list again after `phase` became `failed`. */
  retry(): void;
}

/**
 * Follows the list of the caller's jobs while the component is mounted. Starts, claims and ends of jobs are pushed, on
 * whatever device the jobs were started; progress is read every 5 seconds.
 *
 * @param limit - The most jobs, by default 100.
 */
export function useJobs({ limit = 100 }: { limit?: number } = {}): Jobs {
  const client = useLongcall();
  const source = useMemo(
    () => ({
      key: `the newest ${limit} jobs`,
      open: (signal: AbortSignal) => watchAll(client, { limit, signal }),
      isLast: () => false,
    }),
    [client, limit],
  );
  const [{ phase, value: jobs, error }, retry] = useSource<readonly Event[]>(source);
  return useMemo(() => ({ phase, jobs, error, retry }), [phase, jobs, error, retry]);
}
