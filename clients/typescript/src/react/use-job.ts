import { useCallback, useMemo, useSyncExternalStore } from "react";
import type { Event } from "../model.ts";
import { CONNECTING, IDLE, type Snapshot } from "./follower.ts";
import { followersOf } from "./followers.ts";
import { useLongcall } from "./provider.ts";

/** A job that a component shows. */
export interface Job extends Snapshot {
  /** Ends the job. Rejects if the API refuses that. */
  cancel(): Promise<Event>;
  /** Follows the job again after `phase` became `failed`. */
  retry(): void;
}

/**
 * Follows a job while the component is mounted, from its first event: also after a reload, and also if it has ended. The
 * component renders at most once a frame. All components that follow a job share one subscription; a second after the
 * last one is unmounted, it ends, and the job continues.
 *
 * @param jobId - Null if there is no job yet.
 */
export function useJob(jobId: string | null): Job {
  const client = useLongcall();
  const followers = followersOf(client);
  const subscribe = useCallback((listener: () => void) => followers.subscribe(jobId, listener), [followers, jobId]);
  const snapshot = useSyncExternalStore(
    subscribe,
    () => followers.snapshot(jobId),
    () => (jobId === null ? IDLE : CONNECTING), // on a server, nothing is followed
  );
  return useMemo(
    () => ({
      ...snapshot,
      cancel: () => client.cancel(String(jobId)),
      retry: () => followers.retry(jobId),
    }),
    [snapshot, client, followers, jobId],
  );
}
