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

/** The error payload for a value that a handler threw, rejected with or passed to its callback. */
function payloadOf(error) {
  try {
    if (looksLikeError(error)) {
      return { errorType: error.name, errorMessage: error.message, trace: traceOf(error) };
    }
    return { errorType: typeof error, errorMessage: error.toString(), trace: [] };
  } catch {
    return { errorType: "handled", errorMessage: "the error of the handler has no readable name, message or stack" };
  }
}

/** The lines of a trace down to the handler, without the worker's own below it. */
function traceOf(error) {
  const lines = error.stack.split("\n");
  const own = lines.findIndex((line) => line.includes(__dirname));
  return own < 0 ? lines : lines.slice(0, own);
}

function looksLikeError(value) {
  if (types.isNativeError(value)) return typeof value.stack === "string";
  return [value?.name, value?.message, value?.stack].every((it) => typeof it === "string" && it !== "");
}

module.exports = { RuntimeError, payloadOf };
