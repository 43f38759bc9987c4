import { useCallback, useMemo, useRef, useState } from "react";
import type { JobInput } from "../input.ts";
import { newJobId } from "../model.ts";
import { useLongcall } from "./provider.ts";

/** The start of a job. */
export interface Start {
  readonly phase: "idle" | "starting" | "started" | "failed";
  /** The job, once the API has accepted it. */
  readonly jobId: string | null;
  readonly error: Error | null;
}

/** Starts jobs, and says what became of the last start. */
export interface StartJob extends Start {
  /**
   * Starts a job; call it in event handlers. Starting an equal input again while it is being sent, or after a failure, is
   * the same job, so that a repeated click or an answer that was lost starts nothing twice.
   *
   * @returns The job's id; null if the start failed, and `error` says why.
   */
  start(input: JobInput): Promise<string | null>;
  /** Forgets the last start. */
  reset(): void;
}

const NOTHING: Start = { phase: "idle", jobId: null, error: null };

interface Attempt {
  readonly content: string;
  readonly jobId: string;
  sending: Promise<string | null> | null;
}

/** Starts jobs, each with an id that is made here. */
export function useStartJob(): StartJob {
  const client = useLongcall();
  const [state, setState] = useState<Start>(NOTHING);
  const last = useRef<Attempt | null>(null);

  const start = useCallback(
    (input: JobInput): Promise<string | null> => {
      const content = JSON.stringify(input);
      let attempt = last.current;
      if (attempt?.content !== content) {
        const jobId = input.jobId ?? newJobId((bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>));
        attempt = { content, jobId, sending: null };
        last.current = attempt;
      }
      attempt.sending ??= send(attempt);
      return attempt.sending;

      async function send(attempt: Attempt): Promise<string | null> {
        const show = (start: Start): void => {
          if (last.current === attempt) setState(start); // otherwise another start was made, or it was forgotten
        };
        show({ phase: "starting", jobId: null, error: null });
        try {
          const { jobId } = await client.start({ ...input, jobId: attempt.jobId });
          show({ phase: "started", jobId, error: null });
          if (last.current === attempt) last.current = { ...attempt, content: "" }; // the next start is another job
          return jobId;
        } catch (error) {
          show({ phase: "failed", jobId: null, error: error as Error });
          return null;
        } finally {
          attempt.sending = null;
        }
      }
    },
    [client],
  );
  const reset = useCallback((): void => {
    last.current = null;
    setState(NOTHING);
  }, []);
  return useMemo(() => ({ ...state, start, reset }), [state, start, reset]);
}
