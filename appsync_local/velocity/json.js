// Reads the JSON that a template has written. A comma after the last member is accepted, and a key that is repeated is not.
// Source: AppSync Developer Guide, "Resolver mapping template overview", its deserialization rules, with their messages;
// other messages are those of answers of the service that its users published (the texts of Jackson's JsonParser).
(({ match, parse }) => {
  class Invalid {
    constructor(message) {
      this.message = message;
    }
  }
  const invalid = (message) => {
    throw new Invalid(message);
  };
  const SPACE = /[ \t\r\n]*/y;
  const STRING = /"(?:[^"\\\x00-\x1f]|\\["\\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/y;
  const START_OF_STRING = /"(?:[^"\\\x00-\x1f]|\\["\\\/bfnrt]|\\u[0-9a-fA-F]{4})*/y;
  const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
  const WORD = /true|false|null/y;
  const NOTHING = {};

  class Reader {
    constructor(text) {
      this.text = text;
      this.at = 0;
    }

    take(pattern) {
      pattern.lastIndex = this.at;
      const found = pattern.exec(this.text);
      if (found === null) return "";
      this.at = pattern.lastIndex;
      return found[0];
    }

    where() {
      const before = this.text.slice(0, this.at);
      const line = before.split("\n").length;
      return `line: ${line}, column: ${this.at - before.lastIndexOf("\n")}`;
    }

    unexpected(expected) {
      if (this.at >= this.text.length) invalid(`Unexpected end-of-input: was expecting ${expected}\n at [${this.where()}]`);
      const found = this.text[this.at];
      const code = found.codePointAt(0);
      invalid(`Unexpected character ('${found}' (code ${code})): was expecting ${expected}\n at [${this.where()}]`);
    }

    string() {
      const found = this.take(STRING);
      if (found || !this.take(START_OF_STRING)) return found;
      const next = this.text[this.at];
      if (next === undefined) this.unexpected("closing quote for a string value");
      if (next === "\\") {
        const escape = this.text[this.at + 1] ?? "";
        invalid(`Unrecognized character escape '${escape}' (code ${escape.codePointAt(0)})\n at [${this.where()}]`);
      }
      const rule = "has to be escaped using backslash to be included in string value";
      return invalid(`Illegal unquoted character ((CTRL-CHAR, code ${next.codePointAt(0)})): ${rule}\n at [${this.where()}]`);
    }

    // A string, number, true, false or null.
    plain() {
      const next = this.text[this.at];
      const found = next === '"' ? this.string() : this.take(next === "t" || next === "f" || next === "n" ? WORD : NUMBER);
      if (found === "") this.unexpected("a valid JSON value");
      return parse(found);
    }

    // The name of a member that an object does not have yet, and the colon.
    key(object) {
      const key = this.string();
      if (key === "") this.unexpected("double-quote to start field name");
      const name = parse(key);
      if (Object.hasOwn(object, name)) {
        invalid(`Duplicate field '${name}' detected on Object. Duplicate JSON keys are not allowed.`);
      }
      this.take(SPACE);
      if (!this.skip(":")) this.unexpected("a colon to separate field name and value");
      return name;
    }

    skip(character) {
      if (this.text[this.at] !== character) return false;
      this.at += 1;
      return true;
    }

    // One value. Lists and objects are kept on a stack of our own: JavaScript's allows few levels.
    value() {
      const open = [];
      for (;;) {
        this.take(SPACE);
        let found = NOTHING;
        if (this.skip("{")) open.push({ into: {}, end: "}", kind: "Object", key: null });
        else if (this.skip("[")) open.push({ into: [], end: "]", kind: "Array", key: null });
        else found = this.plain();
        for (;;) {
          const current = open[open.length - 1];
          if (found !== NOTHING) {
            if (current === undefined) return found;
            if (current.kind === "Array") current.into.push(found);
            else current.into[current.key] = found;
          }
          this.take(SPACE);
          if (found !== NOTHING && this.text[this.at] !== current.end) {
            if (!this.skip(",")) this.unexpected(`comma to separate ${current.kind} entries`);
            this.take(SPACE);
          }
          if (!this.skip(current.end)) {
            if (current.kind === "Object") current.key = this.key(current.into);
            break;
          }
          open.pop();
          found = current.into;
        }
      }
    }
  }

  const slowly = (text) => {
    const reader = new Reader(text);
    const value = reader.value();
    reader.take(SPACE);
    if (reader.at < text.length) invalid("Trailing characters at the end of the JSON string are not allowed.");
    return value;
  };
  const keysOf = (value) => {
    const pending = [value];
    let count = 0;
    while (pending.length) {
      const found = pending.pop();
      if (found === null || typeof found !== "object") continue;
      const inner = Object.values(found);
      if (!Array.isArray(found)) count += inner.length;
      for (const item of inner) if (typeof item === "object") pending.push(item);
    }
    return count;
  };
  // The number of keys, or a higher one: a string may contain a quote and a colon too.
  const KEY = /"\s*:/g;
  const keysIn = (text) => match(text, KEY)?.length ?? 0;

  // Reads a text. `mayRepeat` is whether a key of an object may be repeated.
  const read = (text, mayRepeat) => {
    let value;
    try {
      value = parse(text);
    } catch {
      return slowly(text);
    }
    return mayRepeat && keysIn(text) !== keysOf(value) ? slowly(text) : value;
  };
  return { Invalid, read };
})
