import { ErrorResponse } from "oidc-client-ts";
import { expect, test } from "vitest";
import { refusalOf } from "./hosted.ts";

const answered = (error: string, error_description: string | null = null): ErrorResponse =>
  new ErrorResponse({ error, error_description });

test.each([
  [answered("access_denied", "Not today"), "denied", "Not today"],
  [answered("invalid_grant"), "expired", ""],
  [answered("invalid_scope", "no such scope"), "unknown", "no such scope"],
  [new Error("No matching state found in storage"), "expired", ""],
  [new TypeError("Failed to fetch"), "unreachable", "Failed to fetch"],
  [new Error("something else"), "unknown", "something else"],
])("a user who is not signed in learns why: %s", (error, reason, detail) => {
  expect(refusalOf(error)).toEqual({ reason, detail });
});
