// One worker: a process that has the environment and the handler of one function for Node.js, and serves one event at a
// time. The last argument is JSON, as `command.py` writes it.
//
// The socket to the engine does not keep the process alive while a handler is loaded or runs. So Node.js reports
// (`beforeExit`) that nothing is left that could settle the invocation.

"use strict";

const net = require("node:net");
const { RuntimeError, payloadOf } = require("./errors.cjs");
const { Joiner, Kind, pack } = require("./frames.cjs");
const { load } = require("./handler.cjs");
const { Invocation } = require("./invocation.cjs");
const { logError, patchConsole, setRequestId } = require("./log.cjs");

const CONNECTION = 3; // the descriptor; see `program.py`
const UNHANDLED_REJECTION = 128; // exit statuses of Lambda's runtime
const UNCAUGHT_EXCEPTION = 129;

const settings = JSON.parse(process.argv.pop());
const engine = new net.Socket({ fd: CONNECTION, readable: true, writable: true });
const frames = new Joiner();
let invocation; // the one that runs
let handler; // undefined while it is loaded

async function main() {
  patchConsole(process.env);
  process.on("uncaughtException", (error) => endWith("Uncaught Exception", error, UNCAUGHT_EXCEPTION));
  process.on("unhandledRejection", (reason) => {
    const error = new RuntimeError("UnhandledPromiseRejection", String(reason), reason);
    endWith("Unhandled Promise Rejection", error, UNHANDLED_REJECTION);
  });
  process.on("beforeExit", () => invocation?.loopIsEmpty());
  engine.on("close", () => process.exit(0)); // the engine ends this worker, or has ended
  engine.on("error", () => process.exit(0));
  engine.on("data", (bytes) => {
    const body = frames.add(bytes);
    if (body !== undefined) begin(JSON.parse(body));
  });
  engine.unref();
  try {
    const loaded = await load(process.cwd(), settings.handler, settings.libraries);
    if (!settings.takesCallbacks && loaded.length > 2) {
      const advice = "this runtime takes handlers with two parameters only; return a value or a promise";
      throw new RuntimeError("CallbackHandlerDeprecated", `${settings.handler} takes a callback: ${advice}`);
    }
    handler = loaded;
  } catch (error) {
    endWith("Init Error", error, 1);
    return;
  }
  engine.ref();
  engine.write(pack(Kind.STARTED, ""));
}

function begin(message) {
  setRequestId(message.request_id);
  engine.unref();
  invocation = new Invocation({
    requestId: message.request_id,
    settings,
    onResult: (result) => answer(Kind.RESULT, result),
    onError: (error) => answer(Kind.ERROR, JSON.stringify({ ...error, requestId: message.request_id })),
  });
  invocation.run(handler, message.event);
}

function answer(kind, body) {
  invocation = undefined;
  engine.ref();
  engine.write(pack(kind, body));
}

/** Report an error that ends this process; the invocation that runs fails with it. */
function endWith(what, error, status) {
  logError(what, error);
  if (handler !== undefined && invocation === undefined) process.exit(status);
  const requestId = invocation?.requestId ?? "";
  invocation = undefined;
  engine.end(pack(Kind.LAST_ERROR, JSON.stringify({ ...payloadOf(error), requestId })), () => process.exit(status));
}

main();
