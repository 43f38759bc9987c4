// Translates Java's regular expressions, which AppSync uses, to JavaScript's. Refuses what JavaScript cannot express.
// Source: java.util.regex.Pattern and Matcher.appendReplacement, Java SE 8 API.
(({ RegExp, TypeError, replace }) => {
  const POSIX = {
    __proto__: null, Lower: "a-z", Upper: "A-Z", ASCII: "\\x00-\\x7F", Alpha: "a-zA-Z", Digit: "0-9", Alnum: "a-zA-Z0-9",
    Punct: "!-\\/:-@\\[-`{-~", Graph: "!-~", Print: " -~", Blank: " \\t", Cntrl: "\\x00-\\x1F\\x7F", XDigit: "0-9a-fA-F",
    Space: " \\t\\n\\x0B\\f\\r",
  };
  const HORIZONTAL = " \\t\\xA0\\u1680\\u180e\\u2000-\\u200a\\u202f\\u205f\\u3000";
  const unsupported = (what, pattern) => {
    throw new TypeError(`${what} in the regular expression ${pattern} is Java's own and not supported by this engine`);
  };
  const inside = (members, negated, inClass) => (inClass ? members : `[${negated ? "^" : ""}${members}]`);

  const escaped = (state, inClass) => {
    const { pattern } = state;
    const letter = pattern[state.at + 1];
    state.at += 2;
    if (letter === "Q") {
      const end = pattern.indexOf("\\E", state.at);
      const quoted = pattern.slice(state.at, end < 0 ? pattern.length : end);
      state.at = end < 0 ? pattern.length : end + 2;
      return replace(quoted, /[\\^$.*+?()[\]{}|\/-]/g, "\\$&");
    }
    if (letter === "p" || letter === "P") {
      const brace = pattern[state.at] === "{";
      const end = brace ? pattern.indexOf("}", state.at) : state.at;
      const name = brace ? pattern.slice(state.at + 1, end) : pattern[state.at];
      state.at = end + 1;
      if (POSIX[name]) {
        if (inClass && letter === "P") unsupported(`\\P{${name}} inside []`, pattern);
        return inside(POSIX[name], letter === "P", inClass);
      }
      state.flags.u = true;
      return `\\${letter}{${replace(name, /^Is/, "")}}`;
    }
    if (letter === "h") return inside(HORIZONTAL, false, inClass);
    if (letter === "R" && !inClass) return "(?:\\r\\n|[\\n\\x0B\\f\\r\\x85\\u2028\\u2029])";
    if (letter === "A" && !inClass) return "(?<![\\s\\S])";
    if (letter === "z" && !inClass) return "(?![\\s\\S])";
    if (letter === "Z" && !inClass) return "(?=\\r?\\n?(?![\\s\\S]))";
    if (letter === "a") return "\\x07";
    if (letter === "e") return "\\x1B";
    if (letter === "0") unsupported("an octal escape", pattern);
    if (letter === "G" || letter === "X") unsupported(`\\${letter}`, pattern);
    return `\\${letter}`;
  };

  const translated = (pattern) => {
    const state = { pattern, at: 0, flags: { __proto__: null } };
    let out = "";
    let inClass = 0;
    while (state.at < pattern.length) {
      const character = pattern[state.at];
      if (character === "\\") {
        out += escaped(state, inClass > 0);
        continue;
      }
      if (inClass) {
        if (character === "[" ) unsupported("a class within a class", pattern);
        if (character === "&" && pattern[state.at + 1] === "&") unsupported("&&", pattern);
        if (character === "]") inClass -= 1;
      } else if (character === "[") {
        inClass += 1;
        if (pattern[state.at + 1] === "]") {
          out += "[\\]";
          state.at += 2;
          continue;
        }
      } else if (character === "(" && pattern[state.at + 1] === "?") {
        const flags = /^\(\?([imsxudU]+)\)/.exec(pattern.slice(state.at));
        if (flags) {
          if (state.at > 0 || /[xdU]/.test(flags[1])) unsupported(flags[0], pattern);
          for (const flag of flags[1]) state.flags[flag] = true;
          state.at += flags[0].length;
          continue;
        }
        if (pattern[state.at + 2] === ">") unsupported("(?>", pattern);
      } else if (/[*+?}]/.test(character) && pattern[state.at + 1] === "+") {
        unsupported("a possessive quantifier", pattern);
      }
      out += character;
      state.at += 1;
    }
    return { out, flags: ["i", "m", "s", "u"].filter((flag) => state.flags[flag]).join("") };
  };

  const known = { __proto__: null }; // compiled expressions by flags and pattern
  const compiled = (pattern, more) => {
    const key = more + pattern;
    if (known[key]) return known[key];
    const { out, flags } = translated(String(pattern));
    return (known[key] = new RegExp(out, flags + more));
  };

  // `$1` and `${name}` insert groups. A backslash makes the next character literal.
  const filled = (template, match, groups, names) => {
    let out = "";
    for (let i = 0; i < template.length; i += 1) {
      if (template[i] === "\\") {
        i += 1;
        out += template[i] ?? "";
      } else if (template[i] !== "$") {
        out += template[i];
      } else if (template[i + 1] === "{") {
        const end = template.indexOf("}", i);
        out += names?.[template.slice(i + 2, end)] ?? "";
        i = end;
      } else {
        let number = template.slice(i + 1, i + 2);
        if (!/\d/.test(number)) throw new TypeError("a $ in a replacement names a group; write \\\\$ for the character itself");
        i += 1;
        while (/\d/.test(template[i + 1] ?? "") && Number(number + template[i + 1]) <= groups.length) {
          number += template[i + 1];
          i += 1;
        }
        if (Number(number) > groups.length) throw new TypeError(`there is no group ${number} in the pattern`);
        out += (number === "0" ? match : groups[Number(number) - 1]) ?? "";
      }
    }
    return out;
  };
  const replaced = (text, pattern, template, more) =>
    replace(text, compiled(pattern, more), (match, ...rest) => {
      const names = typeof rest[rest.length - 1] === "object" ? rest.pop() : undefined;
      return filled(String(template), match, rest.slice(0, -2), names);
    });

  // Source: String.split, Java SE 8 API: a limit of 0 leaves out empty strings at the end.
  const split = (text, pattern, limit) => {
    const found = [];
    let from = 0;
    replace(text, compiled(pattern, "g"), (match, ...rest) => {
      const at = rest.find((value) => typeof value === "number");
      const isLeading = at + match.length === 0;
      if (!isLeading && !(match === "" && at === text.length) && !(limit > 0 && found.length === limit - 1)) {
        found.push(text.slice(from, at));
        from = at + match.length;
      }
      return "";
    });
    found.push(text.slice(from));
    if (limit === 0) while (found.length > 1 && found[found.length - 1] === "") found.pop();
    return found;
  };

  return {
    matches: (pattern, value) => compiled(pattern, "").test(value),
    replaceFirst: (text, pattern, template) => replaced(text, pattern, template, ""),
    replaceAll: (text, pattern, template) => replaced(text, pattern, template, "g"),
    split,
  };
})
