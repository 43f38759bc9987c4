import { ConnectionLost, RequestRejected, Throttled, Unreachable } from "../errors.ts";
import { isObject, parseFaults, rejection, tokenRefused } from "../faults.ts";

/** The error of this package for an error of Amplify or Apollo. Both keep GraphQL errors in `errors`. */
export function errorFrom(error: unknown): Error {
  const fields = isObject(error) ? error : {};
  const entries = Array.isArray(fields.errors) ? fields.errors : [fields];
  const faults = parseFaults(entries);
  const message = faults[0]?.message ?? "no reason given";
  const status = fields.statusCode;
  if (status === 401 || /Unauthorized|status code 401/.test(message)) return tokenRefused(faults);
  if (status === 429 || /LimitExceeded|MaxSubscriptionsReached/.test(message)) return new Throttled(faults);
  if (typeof status === "number") return new ConnectionLost(`the API answered with HTTP status ${status}`);
  // Amplify wraps errors of the network as if they were of GraphQL; those of an API have a type.
  if (faults.some(({ errorType }) => errorType !== null)) return rejection(faults, (them) => new RequestRejected(them));
  const isOfTheApi =
    Array.isArray(fields.errors) && fields.errors.some((it) => isObject(it) && Array.isArray(it.locations));
  return isOfTheApi
    ? new RequestRejected(faults)
    : new Unreachable(`no answer from the API (${message}); check the network`);
}
