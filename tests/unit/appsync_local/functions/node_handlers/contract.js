// Handlers in CommonJS; `test_node.py` says what is expected of each.
"use strict";

const fs = require("node:fs");

let calls = 0;

exports.echo = async (event) => event;
exports.counts = async (event) => {
  calls += 1;
  if (event.fails) throw new Error(`call ${calls} failed`);
  return calls;
};
exports.pid = async () => process.pid;

exports.describe = async (event, context) => ({
  ...context,
  getRemainingTimeInMillis: undefined,
  remaining: context.getRemainingTimeInMillis(),
  logStreamIsTheEnvironments: context.logStreamName === process.env.AWS_LAMBDA_LOG_STREAM_NAME,
});

exports.environment = async (names) => names.map((name) => process.env[name] ?? null);
exports.folders = async () => [process.cwd(), process.argv.length];

exports.callsBack = (event, context, callback) => void setTimeout(callback, 1, null, { event });
exports.callsBackWithAnError = (event, context, callback) => callback(new TypeError("not this"));
exports.neverCallsBack = (event, context, callback) => {};
exports.returnsWithoutPromise = () => "lost";

exports.waitsForTheEventLoop = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = event.waits;
  const order = ["called back"];
  setTimeout(() => order.push("timer"), event.waits ? 5 : 60_000);
  callback(null, order);
};

exports.done = (event, context) => context.done(null, "done");
exports.succeed = (event, context) => context.succeed("succeeded");
exports.failWithContext = (event, context) => context.fail(new RangeError("too far"));

class OrderError extends Error {
  name = "OrderError";
}

exports.raises = (event) => {
  if (event?.rejects) return Promise.reject(event.rejects);
  throw new OrderError("no such order");
};
exports.records = async (event) => fs.appendFileSync(process.env.RECORDS, `${JSON.stringify(event)}\n`);
exports.neverSettles = async () => new Promise(() => {});
exports.rejectsUnseen = async () => {
  Promise.reject(new Error("nobody looked"));
  await new Promise((resolve) => setTimeout(resolve, 60_000));
};
exports.throwsLater = async () => {
  setTimeout(() => {
    throw new Error("in a timer");
  }, 1);
  await new Promise((resolve) => setTimeout(resolve, 60_000));
};
exports.exits = async (event) => process.exit(event.status);
exports.spins = (event) => {
  if (event?.notes) fs.appendFileSync(event.notes, `${process.pid}\n`);
  while (true);
};

exports.tooLarge = async () => "x".repeat(6_291_556);
exports.large = async (event) => [...event].reverse().join("");
exports.bigInt = async () => 1n;
exports.nothing = async () => undefined;

exports.prints = async () => {
  console.log("kept %d of %s", 2, "three");
  console.warn({ stock: 1 });
  console.error(new Error("dropped"));
};
