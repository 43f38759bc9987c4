// One event: the context and the callback of the handler, and how the invocation ends.
// Source: Lambda Developer Guide, "Using the Lambda context object to retrieve Node.js function information", and
// "Define Lambda function handler in Node.js"

"use strict";

const { RuntimeError, payloadOf } = require("./errors.cjs");
const { logError } = require("./log.cjs");

const RESPONSE_LIMIT = 6_291_556; // bytes; Source: Lambda Developer Guide, "Lambda quotas", and the error's own text

class Invocation {
  /**
   * @param {object} options
   * @param {string} options.requestId
   * @param {object} options.settings Of the function; see `worker.cjs`.
   * @param {(result: string) => void} options.onResult Called once with JSON, unless `onError` is.
   * @param {(error: object) => void} options.onError Called once with an error payload, unless `onResult` is.
   */
  constructor({ requestId, settings, onResult, onError }) {
    this.requestId = requestId;
    this.settings = settings;
    this.onResult = onResult;
    this.onError = onError;
    this.deadline = performance.now() + settings.timeout * 1000;
    this.isDone = false;
    this.isCalledBack = false; // the callback was called; the result waits for an empty event loop
    this.waitsForEmptyEventLoop = true;
    this.result = null;
  }

  run(handler, event) {
    const { takesCallbacks } = this.settings;
    this.mustSettle = !takesCallbacks || handler.constructor.name === "AsyncFunction";
    try {
      const returned = handler(event, this.#context(), (error, result) => this.#callBack(error, result));
      if (!takesCallbacks || typeof returned?.then === "function") {
        Promise.resolve(returned).then(
          (result) => this.#succeed(result),
          (error) => this.fail(error ?? "handled"),
        );
      }
    } catch (error) {
      this.fail(error ?? "handled");
    }
  }

  /** The event loop is empty: nothing can settle the invocation any more. */
  loopIsEmpty() {
    if (this.isCalledBack || !this.mustSettle) {
      this.#succeed(this.result); // without a call of the callback, the result is null
    } else {
      this.fail(new RuntimeError("NodeJsExit", "the promise of the handler never settles: nothing is left to run"));
    }
  }

  fail(error) {
    if (this.isDone) return;
    this.isDone = true;
    logError("Invoke Error", error);
    this.onError(payloadOf(error));
  }

  #succeed(result) {
    if (this.isDone) return;
    let body;
    try {
      body = JSON.stringify(result) ?? "null"; // undefined and functions have no JSON
    } catch {
      this.fail(new Error("Unable to stringify response body"));
      return;
    }
    // A character takes 3 bytes at most, so that most results need not be measured.
    if (body.length * 3 > RESPONSE_LIMIT && Buffer.byteLength(body) > RESPONSE_LIMIT) {
      const error = new Error(`Response payload size exceeded maximum allowed payload size (${RESPONSE_LIMIT} bytes).`);
      error.name = "Function.ResponseSizeTooLarge";
      this.fail(error);
      return;
    }
    this.isDone = true;
    this.onResult(body);
  }

  #callBack(error, result) {
    if (this.isCalledBack || this.isDone) return;
    this.isCalledBack = true;
    this.result = result;
    if (error !== undefined && error !== null) this.fail(error);
    else if (!this.waitsForEmptyEventLoop) this.#succeed(result);
  }

  #context() {
    const { functionName, memoryLimitInMB, invokedFunctionArn, logGroupName, takesCallbacks } = this.settings;
    const context = {
      awsRequestId: this.requestId,
      functionName,
      functionVersion: "$LATEST",
      invokedFunctionArn,
      logGroupName,
      logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
      memoryLimitInMB,
      clientContext: undefined,
      identity: undefined,
      getRemainingTimeInMillis: () => Math.max(0, Math.floor(this.deadline - performance.now())),
    };
    if (takesCallbacks) this.#addCallbacks(context);
    return context;
  }

  #addCallbacks(context) {
    context.done = (error, result) => {
      if (error === undefined || error === null) this.#succeed(result);
      else this.fail(error);
    };
    context.succeed = (result) => this.#succeed(result);
    context.fail = (error) => this.fail(error ?? "handled");
    Object.defineProperty(context, "callbackWaitsForEmptyEventLoop", {
      enumerable: true,
      get: () => this.waitsForEmptyEventLoop,
      set: (value) => (this.waitsForEmptyEventLoop = value),
    });
  }
}

module.exports = { Invocation };
