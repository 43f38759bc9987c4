// `$util` and `$extensions` of templates: what is the same in JavaScript is called there, and the rest is here.
// Source: AppSync Developer Guide, "Resolver mapping template utility reference", and "Extensions".
(({ effect, part, replace, stringify }) => {
  const { equals, failed, isFault, isMap, text, where } = part("velocity/values");
  const json = part("velocity/json");
  const { isArray } = Array;
  const { util, extensions } = globalThis;
  const LONGEST_SORT = 1000; // Source: "List helpers in $util.list"

  const toJson = (value) => stringify(value ?? null);
  const parseJson = (value) => {
    if (value === null || value === undefined) return null;
    try {
      return json.read(text(value), true);
    } catch (thrown) {
      if (!(thrown instanceof json.Invalid)) throw thrown;
      return ""; // as JSON.parse in JavaScript; templates that Amplify makes rely on there being no error
    }
  };
  const isEmpty = (value) => value === null || value === undefined || value === "";
  const isBlank = (value) => isEmpty(value) || (typeof value === "string" && value.trim() === "");
  const typeOf = (value) => {
    if (value === null || value === undefined) return "Null";
    if (isArray(value)) return "List";
    if (isMap(value)) return "Map";
    return { __proto__: null, number: "Number", string: "String", boolean: "Boolean" }[typeof value] ?? "Object";
  };
  const none = (run) => (...given) => {
    run(...given);
    return "";
  };
  const isIn = (list, value) => list.some((item) => equals(item, value));
  const copied = (isKept) => (map, names) => Object.fromEntries(Object.entries(map ?? {}).filter(([name]) => isKept(names, name)));
  const sorted = (list, isDescending, name) => {
    if (list.length > LONGEST_SORT) failed(`$util.list.sortList sorts at most ${LONGEST_SORT} items; this list has ${list.length}`);
    const keyOf = (item) => (isMap(item) ? item[name] : item);
    if (list.some((item) => typeOf(item) !== typeOf(list[0]))) return list;
    const order = (a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0);
    return [...list].sort(isDescending ? (a, b) => order(b, a) : order);
  };
  const logged = (level) =>
    none((first, ...rest) => {
      const shown = rest.map(text);
      const line = rest.length && typeof first === "string" ? replace(first, /\{\}/g, () => shown.shift() ?? "{}") : text(first);
      effect("logs", [level, line]);
    });

  const own = {
    __proto__: null,
    "util.qr": none(() => {}),
    "util.quiet": none(() => {}),
    "util.toJson": toJson,
    "util.parseJson": parseJson,
    "util.validate": none((holds, ...details) => holds === true || util.error(...details)),
    "util.appendError": none((...details) => util.appendError(...details)),
    "util.isNull": (value) => value === null || value === undefined,
    "util.isNullOrEmpty": isEmpty,
    "util.isNullOrBlank": isBlank,
    "util.defaultIfNull": (value, other) => value ?? other,
    "util.defaultIfNullOrEmpty": (value, other) => (isEmpty(value) ? other : value),
    "util.defaultIfNullOrBlank": (value, other) => (isBlank(value) ? other : value),
    "util.typeOf": typeOf,
    "util.isString": (value) => typeOf(value) === "String",
    "util.isNumber": (value) => typeOf(value) === "Number",
    "util.isBoolean": (value) => typeOf(value) === "Boolean",
    "util.isList": (value) => typeOf(value) === "List",
    "util.isMap": (value) => typeOf(value) === "Map",
    "util.log": logged("log"),
    "util.log.info": logged("log"),
    "util.log.debug": logged("log"),
    "util.log.error": logged("error"),
    "util.list.copyAndRetainAll": (list, others) => list.filter((item) => isIn(others, item)),
    "util.list.copyAndRemoveAll": (list, others) => list.filter((item) => !isIn(others, item)),
    "util.list.sortList": sorted,
    "util.map.copyAndRetainAllKeys": copied((names, name) => names.includes(name)),
    "util.map.copyAndRemoveAllKeys": copied((names, name) => !names.includes(name)),
    "util.str.toUpper": (value) => text(value).toUpperCase(),
    "util.str.toLower": (value) => text(value).toLowerCase(),
    "util.str.toReplace": (value, from, to) => text(value).split(text(from)).join(text(to)),
    "util.rds.toJsonString": (answer) => stringify(util.rds.toJsonObject(answer)),
    "util.rds.toJsonObject": (answer) => util.rds.toJsonObject(answer),
    "util.http.addResponseHeader": none((name, value) => util.http.addResponseHeader(name, value)),
    "util.http.addResponseHeaders": none((headers) => util.http.addResponseHeaders(headers)),
  };
  for (const name of ["setSubscriptionFilter", "setSubscriptionInvalidationFilter", "invalidateSubscriptions", "evictFromApiCache"]) {
    own[`extensions.${name}`] = none((...given) => extensions[name](...given.map(objectOf)));
  }
  // `$util.transform.toSubscriptionFilter` and map literals give objects; some templates give their text.
  function objectOf(value) {
    return typeof value === "string" && /^\s*[[{]/.test(value) ? parseJson(value) : value;
  }
  const MEMBERS = {
    __proto__: null,
    util: "error unauthorized authType matches autoId autoUlid autoKsuid urlEncode urlDecode base64Encode base64Decode escapeJavaScript",
    math: "roundNum minVal maxVal randomDouble randomWithinRange",
    str: "normalize",
    http: "copyHeaders",
    time:
      "nowISO8601 nowEpochSeconds nowEpochMilliSeconds nowFormatted parseFormattedToEpochMilliSeconds parseISO8601ToEpochMilliSeconds " +
      "epochMilliSecondsToSeconds epochMilliSecondsToISO8601 epochMilliSecondsToFormatted",
    dynamodb:
      "toDynamoDB toString toStringSet toNumber toNumberSet toBinary toBinarySet toBoolean toNull toList toMap toMapValues toS3Object " +
      "fromS3ObjectJson",
    transform: "toDynamoDBFilterExpression toDynamoDBConditionExpression toElasticsearchQueryDSL toSubscriptionFilter",
    xml: "toMap toJsonString",
  };
  const optional = (given) => {
    while (given.length && given[given.length - 1] === null) given.pop();
    return given;
  };
  for (const group of Object.keys(MEMBERS)) {
    for (const name of MEMBERS[group].split(" ")) {
      const call = (...given) => (group === "util" ? util : util[group])[name](...given);
      const path = group === "util" ? `util.${name}` : `util.${group}.${name}`;
      own[path] = call;
      if (group === "dynamodb" && name.startsWith("to")) own[`${path}Json`] = (...given) => toJson(call(...given));
    }
  }
  // Times without a zone: an argument without a value counts as not given.
  for (const name of ["nowFormatted", "parseFormattedToEpochMilliSeconds", "epochMilliSecondsToFormatted"]) {
    own[`util.time.${name}`] = (...given) => util.time[name](...optional(given));
  }

  // Calls a utility by its full name. One that does not exist gives null, as a method that does not exist.
  return (name, at, ...given) => {
    const utility = own[name];
    if (utility === undefined) return null;
    try {
      return utility(...given);
    } catch (thrown) {
      if (isFault(thrown)) failed(`Error invoking method '${name}' at ${where(at)}: ${thrown.message}`);
      throw thrown;
    }
  };
})
