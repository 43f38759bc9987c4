// The lines that a function prints, in the two formats of Lambda's Node.js runtime.
// Source: Lambda Developer Guide, "Log and monitor Node.js Lambda functions"
//
// In the text format, time and request id are left out: the engine's log has them.

"use strict";

const util = require("node:util");
const { payloadOf } = require("./errors.cjs");

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

let requestId;
let isJson = false;

/** The invocation that lines belong to from now on. */
function setRequestId(id) {
  requestId = id;
}

/** Let the functions of `console` write lines of the format and from the level that the environment asks for. */
function patchConsole(environment) {
  isJson = environment.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === "JSON";
  const least = isJson ? Math.max(0, LEVELS.indexOf(environment.AWS_LAMBDA_LOG_LEVEL?.toUpperCase())) : 0;
  const line = isJson ? jsonLine : textLine;
  for (const [index, level] of LEVELS.entries()) {
    const write = (...values) => process.stdout.write(`${line(level, values)}\n`);
    console[level.toLowerCase()] = index < least ? () => {} : write;
  }
  console.log = console.info;
}

/** Log an error that ends an invocation. */
function logError(what, error) {
  const { errorType, errorMessage, trace } = payloadOf(error);
  const details = { errorType, errorMessage, stackTrace: trace };
  if (isJson) console.error(details);
  else console.error(what, JSON.stringify(details));
}

function textLine(level, values) {
  return `${level}\t${util.format(...values)}`;
}

function jsonLine(level, values) {
  const line = { timestamp: new Date().toISOString(), level, requestId };
  if (values.length === 1) {
    try {
      return JSON.stringify({ ...line, message: values[0] }, readable);
    } catch {
      return JSON.stringify({ ...line, message: util.format(values[0]) }); // a circle or a BigInt
    }
  }
  const error = values.find((it) => it instanceof Error);
  return JSON.stringify({ ...line, message: util.format(...values), ...(error && readable("", error)) });
}

function readable(_key, value) {
  if (!(value instanceof Error)) return value;
  const name = value.constructor?.name ?? "UnknownError";
  return { errorType: name, errorMessage: value.message, stackTrace: value.stack?.split("\n"), ...value };
}

module.exports = { logError, patchConsole, setRequestId };
