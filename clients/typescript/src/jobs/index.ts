import { checkUrl, hostOf, realtimeUrlOf } from "../addresses.ts";
import type { ClientOptions } from "../client.ts";
import { Connection } from "../connection.ts";
import { hostEnvironment } from "../environment.ts";
import { httpSend } from "../http.ts";
import type { Event } from "../model.ts";
import { Realtime } from "../realtime.ts";
import { Requests } from "../requests.ts";
import { DEFAULT_TIMING } from "../timing.ts";
import { ListWatch } from "./watch.ts";

/** Options of a watch of the list: those of a client, and some of its own. */
export interface WatchJobsOptions extends ClientOptions {
  /** How many of the newest jobs are followed; by default 100. */
  readonly limit?: number;
  /** Aborting it ends the iteration. */
  readonly signal?: AbortSignal;
}

/**
 * Follows the list of the caller's newest jobs: the jobs after the first read, and again after each change, newest first
 * and without their texts. It has a connection of its own, which ends with the iteration.
 *
 * @throws ConfigurationError - A URL is malformed.
 * @throws Unreachable - There is no connection at the beginning.
 * @throws NotAuthorized - The API refuses the caller's tokens.
 * @throws SubscriptionRejected - The API refuses the subscription.
 */
export async function* watchJobs(options: WatchJobsOptions): AsyncGenerator<readonly Event[], void, undefined> {
  const { graphqlUrl, authorization, limit = 100, signal, onLink } = options;
  checkUrl(graphqlUrl, "http");
  const address = options.realtimeUrl ?? realtimeUrlOf(graphqlUrl);
  checkUrl(address, "ws");
  const environment = options.environment ?? hostEnvironment(options.webSocket);
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const requests = new Requests(httpSend(graphqlUrl, authorization, timing, environment), timing, environment);
  const realtime = new Realtime(authorization, (headers, stop) =>
    Connection.open(address, hostOf(graphqlUrl), headers, timing, environment, stop),
  );
  const watch = new ListWatch(limit, { requests, realtime, timing, environment, onLink });
  const stopWaking = environment.onWake(
    () => {
      requests.wake();
      realtime.reconnect();
    },
    () => realtime.sleep(),
  );
  const stop = (): void => {
    watch.stop();
    requests.close();
  };
  signal?.addEventListener("abort", stop);
  try {
    if (signal?.aborted === true) return;
    for await (const { jobs } of watch.lists()) yield jobs;
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
    stopWaking();
    requests.close();
    realtime.close();
  }
}
