// The values of templates and their operators. Lists are arrays, maps are plain objects, and null is null or undefined.
// Source: Apache Velocity 1.7, "VTL Reference" and "User Guide"; Java SE 8 API, the toString and equals of collections.
(({ TypeError, halt }) => {
  const { isArray } = Array;
  const { hasOwn, keys, values } = Object;
  const LOOP_LIMIT = 1000; // Source: AppSync quotas, "iterations in a foreach loop"
  const failed = (message) => halt({ kind: "error", message, type: "MappingTemplate", data: null, info: null });
  // Whether an error is that of a value: the value of an argument, or of a regular expression.
  const isFault = (thrown) => thrown instanceof TypeError || thrown instanceof SyntaxError;
  const where = (at) => `velocity[line ${Math.floor(at / 1000)}, column ${at % 1000}]`; // `at` is 1000 * line + column

  // One member of `$map.entrySet()`.
  class Entry {
    constructor(map, key) {
      this.map = map;
      this.key = key;
    }
    get value() {
      return this.map[this.key];
    }
    toJSON() {
      return { [this.key]: this.value };
    }
  }
  const isMap = (value) => value !== null && typeof value === "object" && !isArray(value) && !(value instanceof Entry);

  const text = (value) => {
    if (typeof value === "string") return value;
    if (value === null || value === undefined) return "null";
    if (isArray(value)) return `[${value.map(text).join(", ")}]`;
    if (value instanceof Entry) return `${value.key}=${text(value.value)}`;
    if (typeof value === "object") return `{${keys(value).map((key) => `${key}=${text(value[key])}`).join(", ")}}`;
    return String(value);
  };
  const show = (value, literal) => (typeof value === "string" ? value : value === null || value === undefined ? literal : text(value));
  const backslashes = (count) => {
    let out = "";
    while (out.length < count) out += "\\";
    return out;
  };
  // A reference after backslashes: half of them are written, and an odd one makes the reference plain text.
  const escaped = (value, literal, slashes) => {
    if (value === null || value === undefined) return backslashes(slashes) + literal;
    return backslashes(Math.floor(slashes / 2)) + (slashes % 2 ? literal : text(value));
  };
  const get = (owner, name) => {
    if (owner === null || typeof owner !== "object") return null;
    if (isArray(owner)) return name === "empty" ? owner.length === 0 : null;
    if (owner instanceof Entry) return name === "key" || name === "value" ? owner[name] : null;
    return hasOwn(owner, name) ? owner[name] : null;
  };
  const at = (owner, key) => {
    if (!isArray(owner)) return get(owner, text(key));
    const place = typeof key === "number" && key < 0 ? owner.length + key : Number(key);
    return owner[place] ?? null;
  };
  const put = (owner, name, value) => {
    if (isMap(owner)) owner[name] = value;
  };
  const putAt = (owner, key, value, place) => {
    if (!isArray(owner)) put(owner, text(key), value);
    else if (Number.isInteger(key) && key >= -owner.length && key < owner.length) owner[key < 0 ? owner.length + key : key] = value;
    else failed(`Index ${text(key)} out of bounds for length ${owner.length} at ${where(place)}`);
  };

  // Sets a member of `$ctx`: its object stays the same, because the engine and other names refer to it.
  const replace = (member, value, place) => {
    if (!isMap(member) || !isMap(value)) failed(`only a map of $ctx can be replaced, by another map, at ${where(place)}`);
    const copy = { ...value };
    for (const key of keys(member)) delete member[key];
    Object.assign(member, copy);
  };

  const isTrue = (value) => (typeof value === "boolean" ? value : value !== null && value !== undefined);
  const equals = (a, b) => {
    if (a === b) return true;
    if (a === null || a === undefined || b === null || b === undefined) return (a ?? null) === (b ?? null);
    if (typeof a !== "object" || typeof b !== "object") return typeof a !== typeof b && text(a) === text(b);
    if (isArray(a) && isArray(b)) return a.length === b.length && a.every((item, i) => equals(item, b[i]));
    if (!isMap(a) || !isMap(b)) return false;
    const names = keys(a);
    return names.length === keys(b).length && names.every((name) => hasOwn(b, name) && equals(a[name], b[name]));
  };
  const compared = (compare) => (a, b) => typeof a === "number" && typeof b === "number" && compare(a, b);
  const computed = (compute) => (a, b) => (typeof a === "number" && typeof b === "number" ? compute(a, b) : null);
  // An operand without a value is its own text in a concatenation.
  const add = (a, b, first = "null", second = "null") => {
    if (typeof a === "number" && typeof b === "number") return a + b;
    if (typeof a === "string" || typeof b === "string") return show(a, first) + show(b, second);
    return null;
  };
  // Whole numbers divide without a remainder, as Java's integers do.
  const divide = computed((a, b) => {
    if (b === 0) return null;
    return Number.isInteger(a) && Number.isInteger(b) ? Math.trunc(a / b) : a / b;
  });

  const range = (first, last) => {
    if (!Number.isInteger(first) || !Number.isInteger(last)) return null;
    if (Math.abs(last - first) >= 1_000_000) failed("a range has more than 1000000 numbers");
    const found = [];
    const step = first <= last ? 1 : -1;
    for (let i = first; i !== last + step; i += step) found.push(i);
    return found;
  };
  const items = (value, place) => {
    const found = isArray(value) ? value : isMap(value) ? values(value) : [];
    if (found.length > LOOP_LIMIT) failed(`#foreach exceeds the limit of ${LOOP_LIMIT} iterations in AppSync at ${where(place)}`);
    return found;
  };

  // `$foreach` in one iteration.
  const turn = (index, size, parent) => ({
    index, count: index + 1, hasNext: index + 1 < size, first: index === 0, last: index + 1 === size, parent,
  });

  return {
    Entry, add, at, divide, equals, escaped, failed, get, isFault, isMap, isTrue, items, put, putAt, range, replace, show, text, turn, where,
    divideExactly: computed((a, b) => (b === 0 ? null : a / b)),
    greater: compared((a, b) => a > b),
    greaterOrEqual: compared((a, b) => a >= b),
    less: compared((a, b) => a < b),
    lessOrEqual: compared((a, b) => a <= b),
    multiply: computed((a, b) => a * b),
    negate: (value) => (typeof value === "number" ? -value : null),
    remainder: computed((a, b) => (b === 0 ? null : a % b)),
    subtract: computed((a, b) => a - b),
  };
})
