import { type Authorization, authorized } from "./authorization.ts";
import type { Environment } from "./environment.ts";
import { ConnectionLost, LongcallError, ProtocolError, RequestRejected, Throttled, Unreachable } from "./errors.ts";
import { isObject, parseFaults, rejection, tokenRefused } from "./faults.ts";
import type { Send } from "./requests.ts";
import type { Timing } from "./timing.ts";

/** Sends operations to a GraphQL endpoint by HTTP. See `documents.ts` about the prefix. */
export function httpSend(
  url: string,
  authorization: Authorization,
  timing: Timing,
  environment: Environment,
  typePrefix = "",
): Send {
  return (query, variables, stop) =>
    authorized(authorization, async (headers) => {
      const limit = new AbortController();
      const abort = (): void => limit.abort();
      const cancel = environment.after(timing.answer, abort);
      const forget = stop.on(abort);
      let text: string;
      try {
        const response = await environment.fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
          body: JSON.stringify({ query: query.replace("~", typePrefix), variables }),
          signal: limit.signal,
        });
        if (response.status === 401) throw tokenRefused([]);
        if (response.status === 429) {
          throw new Throttled([{ message: "HTTP status 429", errorType: null }]);
        }
        if (response.status >= 500) {
          throw new ConnectionLost(`the API at ${url} answered with HTTP status ${response.status}`);
        }
        text = await response.text();
      } catch (error) {
        if (error instanceof LongcallError) throw error;
        throw new Unreachable(`no answer from ${url}; check the URL and the network`);
      } finally {
        cancel();
        forget();
      }
      return dataOf(text, url);
    });
}

function dataOf(text: string, url: string): Record<string, unknown> {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // handled below: not an object
  }
  if (isObject(answer) && answer.errors != null) {
    throw rejection(parseFaults(answer.errors), (faults) => new RequestRejected(faults));
  }
  if (isObject(answer) && isObject(answer.data)) return answer.data;
  throw new ProtocolError(`${url} did not answer like a GraphQL API; check that this is the GraphQL URL`);
}
