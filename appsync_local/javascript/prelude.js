// What a resolver's code finds at run time: `util`, `runtime`, `extensions`, and the entry point that the engine calls.
// Source: AppSync Developer Guide, "Runtime utilities", "Built-in utilities", "Extensions".
"use strict";
const __modules = {};
const __invoke = (() => {
  const call = { appended: [], filter: undefined, logs: [], authType: null };

  // Thrown to leave the resolver's code; never seen by it, since AppSync's JavaScript has no `catch`.
  class Halt {
    constructor(outcome) {
      this.outcome = outcome;
    }
  }

  // Reading a member that does not exist says which one, instead of "not a function".
  const complete = (name, members) =>
    new Proxy(Object.freeze(members), {
      get(target, key) {
        if (typeof key === "symbol" || key in target || key === "toJSON") return target[key];
        throw new TypeError(`${name}.${key} is not supported by this engine`);
      },
    });

  const UTF8_MAX = [0x7f, 0x7ff, 0xffff];
  const utf8 = (text) => {
    const bytes = [];
    for (const character of String(text)) {
      let code = character.codePointAt(0);
      if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
      if (code <= UTF8_MAX[0]) bytes.push(code);
      else if (code <= UTF8_MAX[1]) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
      else if (code <= UTF8_MAX[2]) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
      else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
    return bytes;
  };

  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const base64Encode = (text) => {
    const bytes = utf8(text);
    let out = "";
    for (let i = 0; i < bytes.length; i += 3) {
      const [a, b, c] = [bytes[i], bytes[i + 1], bytes[i + 2]];
      out += ALPHABET[a >> 2] + ALPHABET[((a & 3) << 4) | ((b ?? 0) >> 4)];
      out += b === undefined ? "=" : ALPHABET[((b & 15) << 2) | ((c ?? 0) >> 6)];
      out += c === undefined ? "=" : ALPHABET[c & 63];
    }
    return out;
  };
  const base64Decode = (text) => {
    let bits = 0;
    let held = 0;
    let escaped = "";
    for (const character of String(text).replace(/=+$/, "")) {
      const value = ALPHABET.indexOf(character);
      if (value < 0) throw new TypeError("util.base64Decode was given text that is not base64");
      held = (held << 6) | value;
      bits += 6;
      if (bits >= 8) {
        bits -= 8;
        escaped += "%" + ((held >> bits) & 255).toString(16).padStart(2, "0");
      }
    }
    return decodeURIComponent(escaped);
  };

  // sfc32, seeded by the engine from the system's randomness: ids must differ between contexts made in one microsecond.
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  const random32 = () => {
    const sum = (s0 + s1 + s3) | 0;
    s3 = (s3 + 1) | 0;
    s0 = s1 ^ (s1 >>> 9);
    s1 = (s2 + (s2 << 3)) | 0;
    s2 = ((s2 << 21) | (s2 >>> 11)) + sum | 0;
    return sum >>> 0;
  };
  const hex = (count) => {
    let out = "";
    while (out.length < count) out += random32().toString(16).padStart(8, "0");
    return out.slice(0, count);
  };
  const autoId = () =>
    `${hex(8)}-${hex(4)}-4${hex(3)}-${"89ab"[random32() & 3]}${hex(3)}-${hex(12)}`;

  // Same words as the guide uses; unknown shapes are refused where they stand.
  const OPERATORS = [
    "eq", "ne", "le", "lt", "ge", "gt", "contains", "notContains", "beginsWith", "in", "notIn", "between", "containsAny",
  ];
  const both = (left, right) => left.flatMap((a) => right.map((b) => [...a, ...b]));
  const groupsOf = (conditions, ignored) => {
    let groups = [[]];
    for (const [fieldName, condition] of Object.entries(conditions)) {
      if (ignored.includes(fieldName)) continue;
      if (fieldName === "and") {
        for (const part of condition) groups = both(groups, groupsOf(part, ignored));
      } else if (fieldName === "or") {
        groups = both(groups, condition.flatMap((part) => groupsOf(part, ignored)));
      } else {
        const alternatives = Object.entries(condition).map(([operator, value]) => {
          if (!OPERATORS.includes(operator)) {
            throw new TypeError(`util.transform.toSubscriptionFilter does not know the operator ${operator}`);
          }
          return [{ fieldName, operator, value }];
        });
        groups = both(groups, alternatives);
      }
    }
    return groups;
  };
  const toSubscriptionFilter = (conditions, ignoredFields, rules) => {
    let groups = groupsOf(conditions, ignoredFields ?? []);
    if (rules) groups = both(groups, groupsOf({ or: Object.entries(rules).map(([k, v]) => ({ [k]: v })) }, []));
    return { filterGroup: groups.map((filters) => ({ filters })) };
  };

  const iso = (milliseconds) => new Date(milliseconds).toISOString();
  const util = complete("util", {
    error: (message, type, data, info) => {
      throw new Halt({ kind: "error", message, type: type ?? null, data: data ?? null, info: info ?? null });
    },
    appendError: (message, type, data, info) => {
      call.appended.push({ message, type: type ?? null, data: data ?? null, info: info ?? null });
    },
    unauthorized: () => {
      throw new Halt({ kind: "unauthorized" });
    },
    authType: () => call.authType,
    matches: (pattern, value) => new RegExp(pattern).test(value),
    autoId,
    urlEncode: (text) => encodeURIComponent(text).replace(/%20/g, "+").replace(/[!'()~]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase()),
    urlDecode: (text) => decodeURIComponent(String(text).replace(/\+/g, " ")),
    base64Encode,
    base64Decode,
    escapeJavaScript: (text) => JSON.stringify(String(text)).slice(1, -1).replace(/'/g, "\\'").replace(/\//g, "\\/"),
    time: complete("util.time", {
      nowISO8601: () => iso(Date.now()),
      nowEpochSeconds: () => Math.floor(Date.now() / 1000),
      nowEpochMilliSeconds: () => Date.now(),
      parseISO8601ToEpochMilliSeconds: (text) => Date.parse(text),
      epochMilliSecondsToSeconds: (milliseconds) => Math.floor(milliseconds / 1000),
      epochMilliSecondsToISO8601: iso,
    }),
    transform: complete("util.transform", { toSubscriptionFilter }),
    math: complete("util.math", {
      roundNum: (value) => Math.round(value),
      minVal: (a, b) => Math.min(a, b),
      maxVal: (a, b) => Math.max(a, b),
      randomDouble: () => random32() / 4294967296,
      randomWithinRange: (low, high) => low + Math.floor((random32() / 4294967296) * (high - low)),
    }),
    str: complete("util.str", { normalize: (text, form) => String(text).normalize(form.toUpperCase()) }),
  });
  const runtime = complete("runtime", {
    earlyReturn: (value, options) => {
      throw new Halt({ kind: "early", value: value ?? null, skipTo: options?.skipTo ?? "NEXT" });
    },
  });
  const extensions = complete("extensions", {
    setSubscriptionFilter: (filter) => {
      call.filter = filter;
    },
  });
  __modules.utils = { util, runtime, extensions };

  const log = (...values) => {
    call.logs.push(values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(" "));
  };
  globalThis.console = Object.freeze({ log, error: log });
  const hidden = (object, name) => Object.defineProperty(object, name, { enumerable: false });

  return {
    seed: (a, b, c, d) => {
      [s0, s1, s2, s3] = [a, b, c, d];
      for (let i = 0; i < 12; i += 1) random32();
    },
    // The handler of one file, as a function from the context's JSON to the outcome's JSON.
    entry: (handler) => (text, authType) => {
      call.appended = [];
      call.logs = [];
      call.filter = undefined;
      call.authType = authType;
      const ctx = JSON.parse(text);
      ctx.args = ctx.arguments;
      hidden(hidden(ctx.info, "selectionSetList"), "selectionSetGraphQL");
      Object.freeze(ctx); // its members may be changed, and cannot be replaced
      let outcome;
      try {
        outcome = { kind: "value", value: handler(ctx) ?? null };
      } catch (thrown) {
        if (!(thrown instanceof Halt)) throw thrown;
        outcome = thrown.outcome;
      }
      outcome.stash = ctx.stash;
      if (call.appended.length) outcome.appended = call.appended;
      if (call.logs.length) outcome.logs = call.logs;
      if (call.filter !== undefined) outcome.filter = call.filter;
      return JSON.stringify(outcome);
    },
  };
})();
