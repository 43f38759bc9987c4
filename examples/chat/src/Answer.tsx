import type { LongcallUIMessage } from "longcall/ai-sdk";
import type { ReactNode } from "react";

const ENDED = new Set(["COMPLETED", "FAILED", "CANCELLED"]);

/** One answer: its text, and the state of its job. An answer that was stopped keeps the last state that it showed. */
export function Answer(props: { readonly message: LongcallUIMessage; readonly isArriving: boolean }): ReactNode {
  const { message, isArriving } = props;
  const job = message.parts.find((part) => part.type === "data-job")?.data;
  const text = message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
  return (
    <article className="answer" data-job-id={message.id} data-status={job?.status}>
      {text !== "" && <p>{text}</p>}
      {isArriving && job !== undefined && (
        <div className="progress">
          <progress aria-label="Progress" value={job.progress ?? undefined} />
          <small>{[job.message ?? job.status.toLowerCase(), attemptOf(job.attempt)].filter(Boolean).join(" · ")}</small>
        </div>
      )}
      {!isArriving && <small>{endOf(message, job?.status ?? "")}</small>}
    </article>
  );
}

function attemptOf(attempt: number): string {
  return attempt > 1 ? `attempt ${attempt}` : "";
}

function endOf({ id, metadata }: LongcallUIMessage, status: string): string {
  const end = ENDED.has(status) ? status.toLowerCase() : "stopped";
  const cost = metadata?.cost === undefined ? "" : `about $${metadata.cost.total.toPrecision(2)}`;
  return [end, cost, `job ${id.slice(0, 8)}`].filter(Boolean).join(" · ");
}
