import { type Fault, NotAuthorized, RequestRejected, Throttled } from "./errors.ts";

// Beginnings of error types, without the data source's name and without the Java package.
const THROTTLING_TYPES = [
  "LimitExceeded",
  "MaxSubscriptionsReached",
  "ProvisionedThroughputExceeded",
  "RequestLimitExceeded",
  "ServiceUnavailable",
  "Throttl",
  "TooManyRequests",
];
const THROTTLING_MESSAGES = ["rate exceeded", "rate limit exceeded"]; // beginnings, in lower case

/** Reads an `errors` list as AppSync writes it: flat entries, with `errorType` beside `message`. */
export function parseFaults(errors: unknown): Fault[] {
  const entries = Array.isArray(errors) ? errors : [errors];
  return entries.filter(isObject).map((entry) => {
    const errorType = typeof entry.errorType === "string" ? entry.errorType : null;
    return { message: String(entry.message || errorType || "no message"), errorType };
  });
}

/** Whether the API refused the token itself, and not one field for this caller. */
export function isTokenRefused(faults: readonly Fault[]): boolean {
  return faults.some(({ errorType }) => afterLast(errorType ?? "", "#") === "UnauthorizedException");
}

/** Whether the API, or a service behind it, had no capacity for the request. */
export function isThrottled(faults: readonly Fault[]): boolean {
  return faults.some(({ message, errorType }) => {
    const type = afterLast(afterLast(errorType ?? "", "#"), ":");
    const text = message.toLowerCase();
    return (
      THROTTLING_TYPES.some((start) => type.startsWith(start)) ||
      THROTTLING_MESSAGES.some((start) => text.startsWith(start))
    );
  });
}

/** The error for a refused token, with the API's message where there is one. */
export function tokenRefused(faults: readonly Fault[]): NotAuthorized {
  const message = faults[0] ? ` (${faults[0].message})` : "";
  return new NotAuthorized(
    `the API refused this token${message}; sign in again, or check which user and mode it is for`,
  );
}

/** The error for the GraphQL errors of a request. */
export function rejection(faults: readonly Fault[]): NotAuthorized | RequestRejected {
  if (isTokenRefused(faults)) return tokenRefused(faults);
  return isThrottled(faults) ? new Throttled(faults) : new RequestRejected(faults);
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function afterLast(text: string, separator: string): string {
  return text.slice(text.lastIndexOf(separator) + 1);
}
