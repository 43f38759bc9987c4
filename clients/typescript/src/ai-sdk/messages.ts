import type { UIMessage } from "ai";
import type { Cost, Json, Status } from "../model.ts";

/** The metadata of an answer. Usage and cost are known when its job has ended. */
export type LongcallMetadata = {
  readonly jobId: string;
  readonly model: string;
  readonly usage?: Json;
  readonly cost?: Cost;
};

/** The data parts of an answer: one part `data-job`, replaced whenever the state of its job changes. */
export type LongcallData = {
  job: {
    readonly status: Status;
    /** The share of the work that is done, from 0 to 1; null if unknown. */
    readonly progress: number | null;
    /** One line for a person about the current step. */
    readonly message: string | null;
    /** How many workers have claimed the job. A new one may have begun the text again. */
    readonly attempt: number;
  };
};

/** A message of a chat whose answers are jobs. The id of an answer is the id of its job. */
export type LongcallUIMessage = UIMessage<LongcallMetadata, LongcallData>;
