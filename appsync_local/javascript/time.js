// `util.time`. Formats are those of Java's DateTimeFormatter, with English names. The engine supplies the offsets of named
// time zones. Source: AppSync Developer Guide, "Time helpers in util.time"; java.time.format.DateTimeFormatter, Java SE 8.
(({ Date, RegExp, TypeError, complete, offsets, padStart, replace }) => {
  const MONTHS = "January February March April May June July August September October November December".split(" ");
  const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
  const DAY = 86_400_000;
  const LETTERS = "GuyYMLdDQqwEecaHhKkmsSAnNzVOXxZ";
  const refuse = (message) => {
    throw new TypeError(message);
  };

  // Parses a pattern to a list of { letter, count }, { text } and { optional: [...] }.
  const parsedPattern = (pattern) => {
    const stack = [[]];
    let i = 0;
    while (i < pattern.length) {
      const items = stack[stack.length - 1];
      const letter = pattern[i];
      if (letter === "'") {
        let text = "";
        if (pattern[i + 1] === "'") {
          text = "'";
          i += 2;
        } else {
          for (i += 1; pattern[i] !== "'" || pattern[i + 1] === "'"; i += 1) {
            if (i >= pattern.length) refuse(`the time format ${pattern} has a quote without an end`);
            text += pattern[i];
            if (pattern[i] === "'") i += 1;
          }
          i += 1;
        }
        items.push({ text });
      } else if (letter === "[") {
        stack.push([]);
        i += 1;
      } else if (letter === "]") {
        if (stack.length < 2) refuse(`the time format ${pattern} has a ] without a [`);
        const optional = stack.pop();
        stack[stack.length - 1].push({ optional });
        i += 1;
      } else if (/[A-Za-z]/.test(letter)) {
        let count = 1;
        while (pattern[i + count] === letter) count += 1;
        if (!LETTERS.includes(letter)) refuse(`the time format ${pattern} has the letter ${letter}, which is not supported by this engine`);
        items.push({ letter, count });
        i += count;
      } else {
        items.push({ text: letter });
        i += 1;
      }
    }
    while (stack.length > 1) {
      const optional = stack.pop();
      stack[stack.length - 1].push({ optional });
    }
    return stack[0];
  };

  const FIXED = /^(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?$/;
  // The offset in seconds and the abbreviation of a zone at an instant.
  const zoned = (zone, instant) => {
    if (/^(?:UTC|GMT|UT|Z)$/.test(zone)) return [0, zone];
    const fixed = FIXED.exec(zone);
    if (fixed) {
      const seconds = Number(fixed[2]) * 3600 + Number(fixed[3] ?? 0) * 60 + Number(fixed[4] ?? 0);
      return [fixed[1] === "-" ? -seconds : seconds, zone];
    }
    const changes = offsets(zone) ?? refuse(`there is no time zone ${zone}`);
    let [low, high] = [0, changes.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (changes[middle][0] <= instant) low = middle;
      else high = middle - 1;
    }
    return [changes[low][1], changes[low][2]];
  };
  // The instant of a local time. A time that occurs twice is the earlier instant; one that is skipped is moved forward.
  const instantOf = (local, zone) => {
    const [before] = zoned(zone, local - DAY);
    const [after] = zoned(zone, local + DAY);
    for (const offset of before >= after ? [before, after] : [after, before]) {
      if (zoned(zone, local - offset * 1000)[0] === offset) return local - offset * 1000;
    }
    return local - before * 1000;
  };

  const offsetText = (seconds, separator, parts) => {
    const size = Math.abs(seconds);
    const numbers = [Math.floor(size / 3600), Math.floor(size / 60) % 60, size % 60];
    return (seconds < 0 ? "-" : "+") + numbers.slice(0, parts).map((n) => padStart(String(n), 2, "0")).join(separator);
  };
  const isoOffset = (seconds, count) => {
    if (count === 1) return offsetText(seconds, "", seconds % 3600 ? 2 : 1);
    return offsetText(seconds, count % 2 ? ":" : "", count > 3 && seconds % 60 ? 3 : 2);
  };
  const gmt = (seconds, long) => {
    if (!seconds) return "GMT";
    if (long) return "GMT" + offsetText(seconds, ":", seconds % 60 ? 3 : 2);
    const hours = Math.floor(Math.abs(seconds) / 3600);
    return `GMT${seconds < 0 ? "-" : "+"}${hours}${seconds % 3600 ? ":" + offsetText(seconds, ":", 2).slice(4) : ""}`;
  };

  const named = (names, index, count) => (count === 4 ? names[index] : count === 5 ? names[index][0] : names[index].slice(0, 3));
  const number = (value, count) => (value < 0 ? "-" : "") + padStart(String(Math.abs(value)), count, "0");
  const dayOfYear = (date) => Math.floor((date - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY) + 1;
  // Weeks begin on Sunday. The first week of a year is the one with 1 January.
  const week = (date) => {
    const year = date.getUTCFullYear();
    const first = new Date(Date.UTC(year, 0, 1)).getUTCDay();
    const nextFirst = new Date(Date.UTC(year + 1, 0, 1)).getUTCDay();
    const length = dayOfYear(new Date(Date.UTC(year, 11, 31)));
    if (dayOfYear(date) > length - nextFirst) return [year + 1, 1];
    return [year, Math.floor((dayOfYear(date) - 1 + first) / 7) + 1];
  };
  const yearText = (year, count) => (count === 2 ? number(((year % 100) + 100) % 100, 2) : number(year, count));

  const field = ({ letter, count }, date, [offset, zoneName], zone) => {
    const hour = date.getUTCHours();
    const ofDay = date - Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate());
    switch (letter) {
      case "G": return count === 4 ? "Anno Domini" : count === 5 ? "A" : "AD";
      case "u":
      case "y": return yearText(date.getUTCFullYear(), count);
      case "Y": return yearText(week(date)[0], count);
      case "w": return number(week(date)[1], count);
      case "M":
      case "L": return count < 3 ? number(date.getUTCMonth() + 1, count) : named(MONTHS, date.getUTCMonth(), count);
      case "d": return number(date.getUTCDate(), count);
      case "D": return number(dayOfYear(date), count);
      case "Q":
      case "q": {
        const quarter = Math.floor(date.getUTCMonth() / 3) + 1;
        return count < 3 ? number(quarter, count) : count === 3 ? `Q${quarter}` : `${["1st", "2nd", "3rd", "4th"][quarter - 1]} quarter`;
      }
      case "E": return named(DAYS, date.getUTCDay(), Math.max(count, 3));
      case "e":
      case "c": return count < 3 ? number(date.getUTCDay() + 1, count) : named(DAYS, date.getUTCDay(), count);
      case "a": return hour < 12 ? "AM" : "PM";
      case "H": return number(hour, count);
      case "k": return number(hour || 24, count);
      case "K": return number(hour % 12, count);
      case "h": return number(hour % 12 || 12, count);
      case "m": return number(date.getUTCMinutes(), count);
      case "s": return number(date.getUTCSeconds(), count);
      case "S": return (number(date.getUTCMilliseconds(), 3) + "000000").slice(0, count);
      case "A": return number(ofDay, count);
      case "n": return number(date.getUTCMilliseconds() * 1_000_000, count);
      case "N": return number(ofDay * 1_000_000, count);
      case "V": return zone;
      case "z": return zoneName;
      case "O": return gmt(offset, count === 4);
      case "X": return offset === 0 ? "Z" : isoOffset(offset, count);
      case "x": return isoOffset(offset, count);
      default: return count === 4 ? gmt(offset, true) : count === 5 && offset === 0 ? "Z" : isoOffset(offset, count === 5 ? 3 : 2);
    }
  };
  const formatted = (instant, pattern, zone = "UTC") => {
    if (!Number.isFinite(instant)) refuse("expected a time in milliseconds");
    const at = zoned(zone, instant);
    const date = new Date(instant + at[0] * 1000);
    const write = (items) =>
      items.map((item) => item.text ?? (item.optional ? write(item.optional) : field(item, date, at, zone))).join("");
    return write(parsedPattern(pattern));
  };

  const OFFSET = "Z|[+-]\\d{2}(?::?\\d{2}){0,2}";
  const oneOf = (names, count) => names.map((name) => (count === 4 ? name : name.slice(0, 3))).join("|");
  const expected = ({ letter, count }, adjacent) => {
    switch (letter) {
      case "M":
      case "L": if (count > 2) return oneOf(MONTHS, count);
        break;
      case "E": return oneOf(DAYS, Math.max(count, 3));
      case "e":
      case "c": if (count > 2) return oneOf(DAYS, count);
        break;
      case "a": return "AM|PM";
      case "G": return count === 4 ? "Anno Domini" : "AD";
      case "z":
      case "V": return "[A-Za-z][A-Za-z0-9_/+:-]*";
      case "O": return "GMT(?:[+-]\\d{1,2}(?::\\d{2})?)?";
      case "X":
      case "x": return OFFSET;
      case "Z": return count === 4 ? "GMT(?:[+-]\\d{2}:\\d{2})?" : OFFSET;
      case "S": return `\\d{${count}}`;
      case "u":
      case "y":
      case "Y": return count === 2 || adjacent ? `-?\\d{${count}}` : `-?\\d{${count},10}`;
      default:
    }
    return count > 1 || adjacent ? `\\d{${count}}` : "\\d{1,19}";
  };
  const toRegex = (items, found) =>
    items
      .map((item, at) => {
        if (item.text !== undefined) return replace(item.text, /[\\^$.*+?()[\]{}|\/]/g, "\\$&");
        if (item.optional) return `(?:${toRegex(item.optional, found)})?`;
        found.push(item);
        const next = items[at + 1];
        return `(${expected(item, next?.letter !== undefined && /[A-Za-z]/.test(next.letter) && !"XxZzVOaEG".includes(next.letter))})`;
      })
      .join("");
  const secondsOf = (text) => (text === "Z" || text === "GMT" ? 0 : zoned(replace(text, "GMT", ""), 0)[0]);

  const parsed = (text, pattern, zone) => {
    const items = [];
    const source = toRegex(parsedPattern(pattern), items);
    const match = new RegExp(`^(?:${source})$`).exec(text);
    if (!match) refuse(`the time ${text} does not have the format ${pattern}`);
    const read = { __proto__: null };
    items.forEach(({ letter, count }, at) => {
      const found = match[at + 1];
      if (found === undefined) return;
      if ("uyY".includes(letter)) read.year = count === 2 ? 2000 + Number(found) : Number(found);
      else if ("ML".includes(letter)) read.month = count > 2 ? MONTHS.findIndex((name) => name.startsWith(found)) + 1 : Number(found);
      else if ("XxZO".includes(letter)) read.offset = secondsOf(found);
      else if ("zV".includes(letter)) read.zone = found;
      else if (letter === "a") read.half = found;
      else if (letter === "S") read.S = Number((found + "000").slice(0, 3));
      else read[letter] = Number(found);
    });
    const hour = read.H ?? (read.k === undefined ? undefined : read.k % 24) ?? (read.half ? ((read.h ?? read.K) % 12) + (read.half === "PM" ? 12 : 0) : undefined);
    if (read.year === undefined || (read.D === undefined && (read.month === undefined || read.d === undefined)) || (hour === undefined && read.A === undefined)) {
      refuse(`the time format ${pattern} lacks a date or a time of day`);
    }
    const day = read.D === undefined ? Date.UTC(read.year, read.month - 1, read.d) : Date.UTC(read.year, 0, read.D);
    if (read.D === undefined && new Date(day).getUTCMonth() !== read.month - 1) refuse(`the time ${text} has a day that is not in the calendar`);
    if (hour > 23 || read.m > 59 || read.s > 59) refuse(`the time ${text} has a time of day that is not on the clock`);
    const ofDay = read.A ?? ((hour * 60 + (read.m ?? 0)) * 60 + (read.s ?? 0)) * 1000 + (read.S ?? Math.floor((read.n ?? 0) / 1_000_000));
    if (read.offset !== undefined) return day + ofDay - read.offset * 1000;
    const where = read.zone ?? zone ?? refuse(`the time format ${pattern} has no time zone, and none is given`);
    return instantOf(day + ofDay, where);
  };

  const iso = (milliseconds) => new Date(milliseconds).toISOString();
  const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}(?::?\d{2})?)$/;
  const parsedIso = (text) => {
    const written = replace(replace(String(text), ",", "."), /([+-]\d{2})(\d{2})?$/, (whole, hours, minutes, at) => (at > 10 ? `${hours}:${minutes ?? "00"}` : whole));
    const instant = Date.parse(written);
    return ISO.test(text) && Number.isFinite(instant) ? instant : refuse(`${text} is not a time in ISO 8601 with an offset, such as 2026-01-31T12:00:00Z`);
  };

  return complete("util.time", {
    nowISO8601: () => iso(Date.now()),
    nowEpochSeconds: () => Math.floor(Date.now() / 1000),
    nowEpochMilliSeconds: () => Date.now(),
    nowFormatted: (pattern, zone) => formatted(Date.now(), pattern, zone),
    parseFormattedToEpochMilliSeconds: parsed,
    parseISO8601ToEpochMilliSeconds: parsedIso,
    epochMilliSecondsToSeconds: (milliseconds) => Math.floor(milliseconds / 1000),
    epochMilliSecondsToISO8601: iso,
    epochMilliSecondsToFormatted: (milliseconds, pattern, zone) => formatted(milliseconds, pattern, zone),
  });
})
