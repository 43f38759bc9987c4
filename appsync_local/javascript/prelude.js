// The runtime of resolver code, and the functions that the engine calls. Rarely used parts are in the other files of this
// folder: each holds the source of one function, which is compiled when a code file first uses it.
// Look-up tables have no prototype, so that names such as "constructor" are not found in them.
// Source: AppSync Developer Guide, "Runtime utilities", "Built-in utilities", "Extensions", "Supported runtime features".
"use strict";
const __modules = { __proto__: null };
const __invoke = (() => {
  const { parse, stringify } = JSON;
  const { defineProperties, defineProperty, freeze, getOwnPropertyDescriptor, getOwnPropertyNames, getPrototypeOf, hasOwn } = Object;
  const { Date, Error, Proxy, RegExp, Symbol, TypeError, eval: compile } = globalThis;
  const native = (method) => Function.prototype.call.bind(method);
  const codeAt = native(String.prototype.charCodeAt);
  const match = native(String.prototype.match);
  const padStart = native(String.prototype.padStart);
  const replace = native(String.prototype.replace);
  const fromCode = String.fromCharCode;
  const LOOP_LIMIT = 1000; // Source: AppSync quotas, "iterations in a loop"

  let effects = null; // the side effects of the running call; null for most calls
  let authType = null;
  const effect = (name, value) => {
    effects ??= { __proto__: null };
    (effects[name] ??= []).push(value);
  };

  // Thrown to end the resolver's code, which cannot catch it: AppSync's JavaScript has no `catch`.
  class Halt {
    constructor(outcome) {
      this.outcome = outcome;
    }
  }
  const halt = (outcome) => {
    throw new Halt(outcome);
  };

  // An object whose missing members are reported by name, instead of as "not a function".
  const complete = (name, members) =>
    new Proxy(freeze(members), {
      get(target, key) {
        if (typeof key === "symbol" || hasOwn(target, key)) return target[key];
        if (key === "toJSON") return undefined; // read by JSON.stringify
        throw new TypeError(`${name}.${key} is not supported by this engine`);
      },
    });

  const sources = { __proto__: null }; // source texts that the engine has supplied on request
  const parts = { __proto__: null };
  const part = (name) => (parts[name] ??= compile(sources[name] ?? halt({ kind: "source", name }))(kit));

  // sfc32. The engine seeds it from the system's random source, so that contexts created at the same time differ.
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  const random32 = () => {
    const sum = (s0 + s1 + s3) | 0;
    s3 = (s3 + 1) | 0;
    s0 = s1 ^ (s1 >>> 9);
    s1 = (s2 + (s2 << 3)) | 0;
    s2 = ((s2 << 21) | (s2 >>> 11)) + sum | 0;
    return sum >>> 0;
  };
  const random = () => random32() / 4294967296;
  const worded = (value) => (typeof value === "string" ? value : (stringify(value) ?? String(value)));
  const details = (message, type, data, info) => ({
    message: message == null ? "" : worded(message), type: type == null ? null : worded(type), data: data ?? null, info: info ?? null,
  });
  // Source: AppSync Developer Guide, "HTTP helpers in util.http": headers that are not copied.
  const NOT_COPIED = [
    "transfer-encoding", "connection", "host", "expect", "keep-alive", "upgrade", "proxy-authenticate",
    "proxy-authorization", "te", "content-length",
  ];
  const util = complete("util", {
    error: (message, type, data, info) => halt({ kind: "error", ...details(message, type, data, info) }),
    appendError: (message, type, data, info) => effect("appended", details(message, type, data, info)),
    unauthorized: () => halt({ kind: "unauthorized" }),
    authType: () => authType,
    matches: (pattern, value) => part("regex").matches(pattern, value),
    autoId: () => part("ids").autoId(),
    autoUlid: () => part("ids").autoUlid(),
    autoKsuid: () => part("ids").autoKsuid(),
    urlEncode: (text) => part("encoding").urlEncode(text),
    urlDecode: (text) => part("encoding").urlDecode(text),
    base64Encode: (text) => part("encoding").base64Encode(text),
    base64Decode: (text) => part("encoding").base64Decode(text),
    escapeJavaScript: (text) => part("encoding").escapeJavaScript(text),
    math: complete("util.math", {
      roundNum: (value) => Math.round(value),
      minVal: (a, b) => Math.min(a, b),
      maxVal: (a, b) => Math.max(a, b),
      randomDouble: random,
      randomWithinRange: (low, high) => low + Math.floor(random() * (high - low)),
    }),
    str: complete("util.str", { normalize: (text, form) => String(text).normalize(form.toUpperCase()) }),
    http: complete("util.http", {
      copyHeaders: (headers) =>
        Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => !NOT_COPIED.includes(name.toLowerCase()))),
      addResponseHeader: (name, value) => effect("headers", [String(name), value ?? null]),
      addResponseHeaders: (headers) => {
        for (const [name, value] of Object.entries(headers)) effect("headers", [name, value ?? null]);
      },
    }),
    get time() {
      return part("time");
    },
    get dynamodb() {
      return part("dynamodb");
    },
    get transform() {
      return part("transform");
    },
    get xml() {
      return part("xml");
    },
    get rds() {
      return part("rds");
    },
  });
  const runtime = complete("runtime", {
    earlyReturn: (value, options) => halt({ kind: "early", value: value ?? null, skipTo: options?.skipTo ?? "NEXT" }),
  });
  const extensions = complete("extensions", {
    setSubscriptionFilter: (filter) => effect("filter", filter ?? null),
    setSubscriptionInvalidationFilter: (filter) => effect("invalidationFilter", filter ?? null),
    invalidateSubscriptions: (target) => effect("invalidations", target ?? null),
    evictFromApiCache: (type, field, keys) => effect("evictions", { type, field, keys: keys ?? {} }),
  });
  __modules.utils = complete("@aws-appsync/utils", { util, runtime, extensions });
  for (const [name, file] of [["dynamodb", "dynamodb_module"], ["rds", "rds_module"], ["ai", "ai"], ["velocity", "velocity/templates"]]) {
    defineProperty(__modules, name, { get: () => part(file) });
  }
  // The typings declare them as globals, and code without an import works on AWS as well.
  Object.assign(globalThis, { util, runtime, extensions });

  const shown = (values) => values.map((value) => (typeof value === "string" ? value : stringify(value))).join(" ");
  globalThis.console = freeze({
    log: (...values) => effect("logs", ["log", shown(values)]),
    error: (...values) => effect("logs", ["error", shown(values)]),
  });

  const zones = { __proto__: null }; // offsets by name of the time zone; null for an unknown zone
  const offsets = (name) => (name in zones ? zones[name] : halt({ kind: "zone", name }));

  // An error whose message is not preceded by the name of its class, as in the service.
  const refusal = (message) => defineProperty(new Error(message), "name", { value: "" });
  const isPlain = (value) => value !== null && typeof value === "object" && getPrototypeOf(value) === Object.prototype;

  const kit = { Date, RegExp, TypeError, codeAt, complete, effect, fromCode, halt, isPlain, match, offsets, padStart, part, parse, random32, refusal, replace, stringify };

  // Differences of AppSync's runtime. A method is denied here only if AppSync denies it on every kind of object.
  JSON.parse = (text) => {
    try {
      return parse(text);
    } catch {
      return ""; // Source: "Supported runtime features", JSON: text that is not JSON returns a blank string
    }
  };
  const javaRegex = (name) =>
    function (pattern, replacement) {
      return part("regex")[name](String(this), pattern, replacement);
    };
  String.prototype.replace = javaRegex("replaceFirst");
  String.prototype.replaceAll = javaRegex("replaceAll");
  const deny = (holder, owner, names) => {
    for (const name of names) {
      const refuse = () => {
        throw new TypeError(`${owner}.${name} is not part of AppSync's JavaScript`);
      };
      defineProperty(holder, name, { value: refuse, enumerable: false, configurable: true, writable: true });
    }
  };
  // Source: @aws-appsync/eslint-plugin, rule no-disallowed-methods.
  deny(String.prototype, "String", [
    "charCodeAt", "localeCompare", "matchAll", "match", "padEnd", "padStart", "repeat", "search", "toLocaleLowerCase", "toLocaleUpperCase",
  ]);
  deny(String, "String", ["fromCharCode", "fromCodePoint"]);
  deny(Array.prototype, "Array", ["copyWithin", "entries", "keys", "values"]);
  deny(Array, "Array", ["from", "of"]);
  deny(Object, "Object", [
    "create", "defineProperties", "defineProperty", "freeze", "getOwnPropertyDescriptor", "getOwnPropertyDescriptors",
    "getOwnPropertyNames", "getOwnPropertySymbols", "getPrototypeOf", "is", "isExtensible", "isFrozen", "isSealed",
    "preventExtensions", "seal", "setPrototypeOf",
  ]);
  // The same context runs calls of different callers, so no call may change a shared object. Code can still set a key such
  // as "toString" on an object of its own.
  delete Object.prototype.__proto__;
  for (const key of getOwnPropertyNames(Object.prototype)) {
    const { value } = getOwnPropertyDescriptor(Object.prototype, key);
    defineProperty(Object.prototype, key, {
      get: () => value,
      set(own) {
        if (this === Object.prototype) throw new TypeError(`Object.prototype.${key} is read-only`);
        defineProperty(this, key, { value: own, writable: true, enumerable: true, configurable: true });
      },
    });
  }
  for (const shared of [Object, Array, String, Number, Boolean, Function, Error, TypeError, RangeError, SyntaxError, ReferenceError]) {
    freeze(shared.prototype);
    freeze(shared);
  }
  freeze(Math);
  freeze(JSON);
  for (const name of ["eval", "Date", "Promise", "Proxy", "Reflect", "RegExp", "Symbol", "Map", "Set", "WeakMap", "WeakSet", "WeakRef", "queueMicrotask", "performance"]) {
    delete globalThis[name];
  }

  const beyond = () => new RangeError(`this loop exceeds the limit of ${LOOP_LIMIT} iterations in AppSync`);
  const hide = { enumerable: false };

  let module; // the code of the file, as a function that returns its handlers
  const handlers = { __proto__: null };
  // Members of the context that most code never reads. They are parsed on the first access.
  const AROUND = Symbol();
  const parsed = (around) => {
    if (around.members === null) {
      around.members = parse(around.text);
      defineProperty(around.members.info, "selectionSetList", hide);
      defineProperty(around.members.info, "selectionSetGraphQL", hide);
    }
    return around.members;
  };
  const member = (name) => ({
    enumerable: true,
    get() {
      return parsed(this[AROUND])[name];
    },
    set() {
      throw new TypeError(`'${name}' is read-only`);
    },
  });
  const members = { identity: member("identity"), request: member("request"), env: member("env"), info: member("info") };
  const context = (own, around) => {
    const ctx = parse(own);
    ctx.args = ctx.arguments;
    ctx[AROUND] = { text: around, members: null };
    return defineProperties(ctx, members);
  };
  // The outcome of a handler. It may change the members of its context but not replace them.
  const outcomeOf = (name, ctx) => {
    freeze(ctx);
    let outcome;
    try {
      outcome = { kind: "value", value: handlers[name](ctx) ?? null };
    } catch (thrown) {
      if (!(thrown instanceof Halt)) throw thrown;
      outcome = thrown.outcome;
    }
    outcome.stash = ctx.stash;
    return outcome;
  };
  const encoded = (outcome) => {
    if (effects !== null) outcome.effects = effects;
    return stringify(outcome);
  };
  const sent = (value) => parse(stringify(value ?? null) ?? null); // the value after a round trip through JSON
  // A handler as a function from two parts of the context, as JSON, to the outcome, as JSON.
  const entry = (name) => (own, around, caller) => {
    effects = null;
    authType = caller;
    return encoded(outcomeOf(name, context(own, around)));
  };
  // Runs both handlers of a NONE data source: the result is the payload of the request.
  const local = (own, around, caller) => {
    effects = null;
    authType = caller;
    const request = outcomeOf("request", context(own, around));
    if (request.kind !== "value") return encoded(request);
    const result = sent(request.value)?.payload ?? null;
    if (handlers.isDone?.(request.value, result)) return encoded({ ...request, value: result });
    const ctx = context(own, around);
    ctx.stash = sent(request.stash);
    ctx.result = result;
    return encoded(outcomeOf("response", ctx));
  };

  return {
    seed: (a, b, c, d) => {
      [s0, s1, s2, s3] = [a, b, c, d];
      for (let i = 0; i < 12; i += 1) random32();
    },
    source: (name, text) => {
      sources[name] = text;
    },
    zone: (name, text) => {
      zones[name] = parse(text);
    },
    // The values or keys that a `for` loop runs over, with the limit on its iterations.
    *each(values) {
      let count = 0;
      for (const value of values) {
        if ((count += 1) > LOOP_LIMIT) throw beyond();
        yield value;
      }
    },
    *keys(object) {
      let count = 0;
      for (const key in object) {
        if ((count += 1) > LOOP_LIMIT) throw beyond();
        yield key;
      }
    },
    module: (code) => {
      module = code;
    },
    load: () => {
      try {
        Object.assign(handlers, module());
      } catch (thrown) {
        if (!(thrown instanceof Halt)) throw thrown;
        if (thrown.outcome.kind === "source" || thrown.outcome.kind === "zone") return stringify(thrown.outcome);
        throw new TypeError("util.error, util.unauthorized and runtime.earlyReturn can only be called in a handler");
      }
      return stringify({ kind: "value" });
    },
    request: entry("request"),
    response: entry("response"),
    local,
  };
})();
