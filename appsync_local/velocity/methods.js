// The Java methods that templates may call on strings, numbers, booleans, lists and maps. Nothing else can be called.
// Lists and maps that a method returns are copies, except those that are members of the value.
// Source: Java SE 8 API: String, Number, Boolean, List, Map and Map.Entry.
(({ TypeError, codeAt, part }) => {
  const { Entry, equals, failed, isFault, isMap, text, where } = part("velocity/values");
  const { isArray } = Array;
  const { hasOwn, keys } = Object;

  const wrong = (message) => {
    throw new TypeError(message);
  };
  const place = (value, size, most = size - 1) =>
    Number.isInteger(value) && value >= 0 && value <= most ? value : wrong(`Index ${text(value)} out of bounds for length ${size}`);
  const whole = (value) => (/^[+-]?\d+$/.test(text(value)) ? Number(text(value)) : wrong(`For input string: "${text(value)}"`));
  const real = (value) => {
    const number = Number(text(value));
    return text(value).trim() && !Number.isNaN(number) ? number : wrong(`For input string: "${text(value)}"`);
  };
  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const isIn = (list, value) => list.some((item) => equals(item, value));
  const listOf = (value) => (isArray(value) ? value : isMap(value) ? Object.values(value) : wrong("expected a list"));
  const mapOf = (value) => (isMap(value) ? value : wrong("expected a map"));
  const regex = () => part("regex");

  const any = {
    __proto__: null,
    equals: (self, other) => typeof self === typeof other && equals(self, other),
    toString: (self) => text(self),
    hashCode: (self) => {
      let code = 0;
      const shown = text(self);
      for (let i = 0; i < shown.length; i += 1) code = (31 * code + codeAt(shown, i)) | 0;
      return code;
    },
  };
  const string = {
    __proto__: null,
    charAt: (self, at) => self[place(at, self.length)],
    codePointAt: (self, at) => self.codePointAt(place(at, self.length)),
    compareTo: (self, other) => order(self, text(other)),
    compareToIgnoreCase: (self, other) => order(self.toLowerCase(), text(other).toLowerCase()),
    concat: (self, other) => self + text(other),
    contains: (self, other) => self.includes(text(other)),
    endsWith: (self, other) => self.endsWith(text(other)),
    equalsIgnoreCase: (self, other) => typeof other === "string" && self.toLowerCase() === other.toLowerCase(),
    indexOf: (self, other, from) => self.indexOf(text(other), from ?? 0),
    isEmpty: (self) => self === "",
    join: (_self, separator, ...parts) => (parts.length === 1 && isArray(parts[0]) ? parts[0] : parts).map(text).join(separator),
    lastIndexOf: (self, other, from) => self.lastIndexOf(text(other), from ?? self.length),
    length: (self) => self.length,
    matches: (self, pattern) => regex().matches(`^(?:${pattern})$`, self),
    replace: (self, from, to) => self.split(text(from)).join(text(to)),
    replaceAll: (self, pattern, to) => regex().replaceAll(self, text(pattern), text(to)),
    replaceFirst: (self, pattern, to) => regex().replaceFirst(self, text(pattern), text(to)),
    split: (self, pattern, limit) => regex().split(self, text(pattern), limit ?? 0),
    startsWith: (self, other, from) => self.startsWith(text(other), from ?? 0),
    substring: (self, from, to = self.length) => {
      place(to, self.length, self.length);
      return self.slice(place(from, self.length, to), to);
    },
    toLowerCase: (self) => self.toLowerCase(),
    toUpperCase: (self) => self.toUpperCase(),
    trim: (self) => self.trim(),
    valueOf: (_self, value) => text(value),
  };
  const number = {
    __proto__: null,
    compareTo: (self, other) => order(self, other),
    doubleValue: (self) => self,
    floatValue: (self) => self,
    intValue: (self) => Math.trunc(self),
    longValue: (self) => Math.trunc(self),
    parseDouble: (_self, value) => real(value),
    parseFloat: (_self, value) => real(value),
    parseInt: (_self, value) => whole(value),
    parseLong: (_self, value) => whole(value),
    valueOf: (_self, value) => real(value),
    toString: (self, value) => text(value ?? self),
  };
  const boolean = {
    __proto__: null,
    booleanValue: (self) => self,
    compareTo: (self, other) => order(self, other),
    parseBoolean: (_self, value) => text(value).toLowerCase() === "true",
    valueOf: (_self, value) => text(value).toLowerCase() === "true",
  };
  const retained = (self, isKept) => {
    const kept = self.filter(isKept);
    const isChanged = kept.length !== self.length;
    self.splice(0, self.length, ...kept);
    return isChanged;
  };
  const list = {
    __proto__: null,
    add: (self, first, second) => {
      if (second === undefined) return self.push(first) > 0;
      self.splice(place(first, self.length, self.length), 0, second);
      return "";
    },
    addAll: (self, first, second) => {
      const added = listOf(second ?? first);
      self.splice(second === undefined ? self.length : place(first, self.length, self.length), 0, ...added);
      return added.length > 0;
    },
    clear: (self) => {
      self.length = 0;
      return "";
    },
    contains: (self, value) => isIn(self, value),
    containsAll: (self, others) => listOf(others).every((value) => isIn(self, value)),
    get: (self, at) => self[place(at, self.length)] ?? null,
    indexOf: (self, value) => self.findIndex((item) => equals(item, value)),
    isEmpty: (self) => self.length === 0,
    lastIndexOf: (self, value) => self.findLastIndex((item) => equals(item, value)),
    remove: (self, value) => {
      if (typeof value === "number") return self.splice(place(value, self.length), 1)[0];
      const at = list.indexOf(self, value);
      if (at >= 0) self.splice(at, 1);
      return at >= 0;
    },
    removeAll: (self, others) => retained(self, (item) => !isIn(listOf(others), item)),
    retainAll: (self, others) => retained(self, (item) => isIn(listOf(others), item)),
    set: (self, at, value) => {
      const old = self[place(at, self.length)];
      self[at] = value;
      return old ?? null;
    },
    size: (self) => self.length,
    subList: (self, from, to) => self.slice(place(from, self.length, to), place(to, self.length, self.length)),
    toArray: (self) => [...self],
  };
  const value = (self, key) => (hasOwn(self, key) ? self[key] : null);
  const map = {
    __proto__: null,
    clear: (self) => {
      for (const key of keys(self)) delete self[key];
      return "";
    },
    containsKey: (self, key) => hasOwn(self, text(key)),
    containsValue: (self, other) => isIn(Object.values(self), other),
    entrySet: (self) => keys(self).map((key) => new Entry(self, key)),
    get: (self, key) => value(self, text(key)),
    getOrDefault: (self, key, other) => (hasOwn(self, text(key)) ? self[text(key)] : other),
    isEmpty: (self) => keys(self).length === 0,
    keySet: (self) => keys(self),
    put: (self, key, other) => {
      const old = value(self, text(key));
      self[text(key)] = other;
      return old;
    },
    putAll: (self, others) => {
      Object.assign(self, mapOf(others));
      return "";
    },
    putIfAbsent: (self, key, other) => {
      const old = value(self, text(key));
      if (old === null) self[text(key)] = other;
      return old;
    },
    remove: (self, key) => {
      const old = value(self, text(key));
      delete self[text(key)];
      return old;
    },
    replace: (self, key, other) => (hasOwn(self, text(key)) ? map.put(self, key, other) : null),
    size: (self) => keys(self).length,
    values: (self) => Object.values(self),
  };
  const entry = {
    __proto__: null,
    getKey: (self) => self.key,
    getValue: (self) => self.value,
    setValue: (self, other) => map.put(self.map, self.key, other),
  };

  const KINDS = {
    __proto__: null,
    string: [string, "java.lang.String"],
    number: [number, "java.lang.Number"],
    boolean: [boolean, "java.lang.Boolean"],
  };
  const LIST = [list, "java.util.ArrayList"];
  const MAP = [map, "java.util.LinkedHashMap"];
  const ENTRY = [entry, "java.util.Map$Entry"];
  const kindOf = (self) => KINDS[typeof self] ?? (isArray(self) ? LIST : self instanceof Entry ? ENTRY : MAP);

  // Calls a method. A method that does not exist gives null, as in Velocity.
  return (self, name, at, ...given) => {
    if (self === null || self === undefined) return null;
    const [methods, kind] = kindOf(self);
    const method = methods[name] ?? any[name];
    if (method === undefined) return null;
    try {
      return method(self, ...given);
    } catch (thrown) {
      if (isFault(thrown)) failed(`Error invoking method '${name}' in ${kind} at ${where(at)}: ${thrown.message}`);
      throw thrown;
    }
  };
})
