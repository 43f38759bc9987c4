import { useMemo } from "react";
import type { Event } from "../model.ts";
import { isFinal, type JobView } from "../view.ts";
import type { Phase } from "./follower.ts";
import { useLongcall } from "./provider.ts";
import { useSource } from "./use-source.ts";

/** A job that a component shows. */
export interface Job {
  /** `idle` if there is no job id, `ended` if the job has ended and its result is known. */
  readonly phase: Phase;
  /** Null until the first event is known. */
  readonly view: JobView | null;
  readonly error: Error | null;
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
  const source = useMemo(() => {
    if (jobId === null) return null;
    return {
      key: jobId.toLowerCase(), // as the API compares ids
      open: (signal: AbortSignal) => client.watch(jobId, { signal }),
      isLast: isFinal,
    };
  }, [client, jobId]);
  const [{ phase, value: view, error }, retry] = useSource<JobView>(source);
  return useMemo(
    () => ({ phase, view, error, cancel: () => client.cancel(String(jobId)), retry }),
    [phase, view, error, client, jobId, retry],
  );
}
