import { type Client, LongcallClient, type Views } from "../client.ts";
import { ConfigurationError, InvalidInput } from "../errors.ts";
import type { Event } from "../model.ts";
import { ListWatch } from "./list-watch.ts";

/** Options of a list that is followed. */
export interface ListOptions {
  /** The most jobs, by default 100. */
  readonly limit?: number;
  /** Aborting it ends the iteration. */
  readonly signal?: AbortSignal;
}

/**
 * Follows the list of the caller's jobs: the newest event of each one, newest job first, without texts. The list is
 * returned when it is known, and again whenever it has changed, without end. Starts, claims and ends of jobs are pushed;
 * progress is read every 5 seconds while a job runs.
 *
 * @throws InvalidInput - The limit is not a whole number of at least 1.
 * @throws LongcallError - As for `client.watch`.
 */
export async function* watchAll(client: Client, { limit = 100, signal }: ListOptions = {}): Views<readonly Event[]> {
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new InvalidInput(`the limit of a list must be a whole number of at least 1, and not ${limit}`);
  }
  if (!(client instanceof LongcallClient)) {
    throw new ConfigurationError("expected a client that createClient has returned, and found another object");
  }
  yield* client.follow((parts) => {
    const watch = new ListWatch(client, limit, parts);
    return [watch.listener, watch.lists()];
  }, signal);
}
