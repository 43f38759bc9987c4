// Finds and loads the handler of a function, from CommonJS and from ES modules.
// Source: Lambda Developer Guide, "Define Lambda function handler in Node.js"

"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");
const { pathToFileURL } = require("node:url");
const { RuntimeError } = require("./errors.cjs");

const SDK = /'((?:@aws-sdk|@smithy)\/[^'/]+|aws-sdk)(?:\/[^']*)?'/;
const NOT_FOUND = new Set(["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"]);

/**
 * Load a handler named as `folder/module.attribute`.
 *
 * @param {string} root The folder of the function's code.
 * @param {string} name
 * @param {string | null} libraries The folder where the AWS SDK is to be installed, if it is missing.
 * @returns {Promise<Function>}
 * @throws {RuntimeError} The name is malformed, or there is no such module or attribute.
 * @throws Any error that the module throws while it is loaded.
 */
async function load(root, name, libraries) {
  const folder = path.dirname(name);
  const dot = path.basename(name).indexOf(".");
  if (name.includes("..") || dot < 1) {
    throw new RuntimeError("MalformedHandlerName", `Bad handler '${name}': expected module.attribute`);
  }
  const module = path.join(root, folder, path.basename(name).slice(0, dot));
  const found = path
    .basename(name)
    .slice(dot + 1)
    .split(".")
    .reduce((value, key) => value?.[key], await loadModule(module, root, libraries));
  if (typeof found !== "function") {
    const fault = found === undefined || found === null ? "is undefined or not exported" : "is not a function";
    throw new RuntimeError("HandlerNotFound", `${name} ${fault}`);
  }
  return found;
}

async function loadModule(module, root, libraries) {
  try {
    const file = fileOf(module);
    if (file === undefined) {
      throw new RuntimeError("ImportModuleError", `Error: Cannot find module '${module}'${whatIsThere(module)}`);
    }
    return isEsModule(file) ? await import(pathToFileURL(file).href) : createRequire(file)(file);
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError("UserCodeSyntaxError", String(error), error);
    if (!NOT_FOUND.has(error?.code)) throw error;
    const missing = SDK.exec(error.message)?.[1];
    const advice = missing === undefined ? "" : `\n${whereToInstall(missing, libraries ?? root)}`;
    if (error.code === "MODULE_NOT_FOUND") {
      throw new RuntimeError("ImportModuleError", `${error}${advice}`, error);
    }
    error.message += advice; // on Lambda, too, an import that fails keeps the type of Node.js
    throw error;
  }
}

/** The first file that exists, in Lambda's order. */
function fileOf(module) {
  return ["", ".js", ".mjs", ".cjs"].map((ending) => module + ending).find(isFile);
}

function whatIsThere(module) {
  const source = [".ts", ".mts", ".cts"].map((ending) => module + ending).find(isFile);
  if (source === undefined) return ": expected a file with this name and .js, .mjs or .cjs";
  return `: ${path.basename(source)} is TypeScript; compile it, and start the template with the compiled code`;
}

function isFile(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

function isEsModule(file) {
  return file.endsWith(".mjs") || (file.endsWith(".js") && isInEsPackage(path.dirname(file)));
}

/** Whether the nearest `package.json` says that `.js` files are ES modules. */
function isInEsPackage(folder) {
  if (path.basename(folder) === "node_modules") return false;
  const manifest = path.join(folder, "package.json");
  if (isFile(manifest)) {
    try {
      return JSON.parse(fs.readFileSync(manifest, "utf8")).type === "module";
    } catch (error) {
      console.warn(`${manifest} is not read, so .js files are CommonJS modules:`, error.message);
      return false;
    }
  }
  const parent = path.dirname(folder);
  return parent !== folder && isInEsPackage(parent);
}

function whereToInstall(name, folder) {
  return (
    `Lambda's runtime for Node.js contains ${name}, and this machine does not have it: ` +
    `run \`npm install --save-dev ${name}\` in ${folder}`
  );
}

module.exports = { load };
