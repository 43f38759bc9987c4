import { type Fault, type LongcallError, mismatch, NotAuthorized, Throttled } from "./errors.ts";

// An error type may have the data source's name or a Java package before it.
const REFUSED = /(^|#)UnauthorizedException$/;
const THROTTLED =
  /(^|[#:])(LimitExceeded|MaxSubscriptionsReached|ProvisionedThroughputExceeded|RequestLimitExceeded|ServiceUnavailable|Throttl|TooManyRequests)[^#:]*$/;
const FOREIGN = /FieldUndefined|UnknownType/; // an API with another schema
const BUSY = /^rate (limit )?exceeded/i; // beginnings of messages

/** Reads an `errors` list as AppSync writes it: flat entries, with `errorType` beside `message`. */
export function parseFaults(errors: unknown): Fault[] {
  const entries = Array.isArray(errors) ? errors : [errors];
  return entries.filter(isObject).map((entry) => {
    const errorType = typeof entry.errorType === "string" ? entry.errorType : null;
    return { message: String(entry.message || errorType || "no message"), errorType };
  });
}

/** Whether the API refused the token itself, and not one field for this caller. */
function isTokenRefused(faults: readonly Fault[]): boolean {
  return faults.some(({ errorType }) => REFUSED.test(errorType ?? ""));
}

/** Whether the API, or a service behind it, had no capacity for the request. */
function isThrottled(faults: readonly Fault[]): boolean {
  return faults.some(({ message, errorType }) => THROTTLED.test(errorType ?? "") || BUSY.test(message));
}

/** The error for a refused token, with the API's message where there is one. */
export function tokenRefused(faults: readonly Fault[]): NotAuthorized {
  const message = faults[0] ? ` (${faults[0].message})` : "";
  return new NotAuthorized(
    `the API refused this token${message}; sign in again, or check which user and mode it is for`,
  );
}

/** The error for GraphQL errors; `otherwise` is for those that are not about token, schema or capacity. */
export function rejection(
  faults: readonly Fault[],
  otherwise: (faults: readonly Fault[]) => LongcallError,
): LongcallError {
  if (isTokenRefused(faults)) return tokenRefused(faults);
  if (faults.some(({ message }) => FOREIGN.test(message))) return mismatch("Longcall's fields", "others");
  return isThrottled(faults) ? new Throttled(faults) : otherwise(faults);
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
