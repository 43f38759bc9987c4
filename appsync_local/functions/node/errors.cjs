// What a failed invocation returns, in the shape that Lambda's Node.js runtime gives it.
// Source: Lambda Developer Guide, "Node.js function errors"; the names of the runtime's own errors begin with `Runtime.`

"use strict";

const { types } = require("node:util");

class RuntimeError extends Error {
  /**
   * @param {string} name Without `Runtime.`.
   * @param {string} message
   * @param {unknown} [cause] Its trace is reported.
   */
  constructor(name, message, cause) {
    super(message);
    this.name = `Runtime.${name}`;
    if (cause instanceof Error && typeof cause.stack === "string") this.stack = cause.stack;
  }
}

/** The error payload of whatever a handler threw, rejected with or gave to its callback. */
function payloadOf(error) {
  try {
    if (looksLikeError(error)) {
      return { errorType: error.name, errorMessage: error.message, trace: error.stack.split("\n") };
    }
    return { errorType: typeof error, errorMessage: error.toString(), trace: [] };
  } catch {
    return { errorType: "handled", errorMessage: "the error of the handler has no readable name, message or stack" };
  }
}

/** Everything that an error carries, for the log. */
function details(error) {
  if (!types.isNativeError(error)) return payloadOf(error);
  return { ...payloadOf(error), code: error.code, ...error };
}

function looksLikeError(value) {
  if (types.isNativeError(value)) return typeof value.stack === "string";
  return [value?.name, value?.message, value?.stack].every((it) => typeof it === "string" && it !== "");
}

module.exports = { RuntimeError, details, payloadOf };
