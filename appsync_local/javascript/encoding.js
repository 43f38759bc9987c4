// Encodings of text: base64, URL form encoding, and the escapes of a JavaScript string.
// Source: AppSync Developer Guide, "Encoding utils".
(({ TypeError, codeAt, padStart, replace }) => {
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
    for (const character of replace(String(text), /=+$/, "")) {
      const value = ALPHABET.indexOf(character);
      if (value < 0) throw new TypeError("util.base64Decode was given text that is not base64");
      held = (held << 6) | value;
      bits += 6;
      if (bits >= 8) {
        bits -= 8;
        escaped += "%" + padStart(((held >> bits) & 255).toString(16), 2, "0");
      }
    }
    return decodeURIComponent(escaped);
  };
  const urlEncode = (text) =>
    replace(replace(encodeURIComponent(text), /%20/g, "+"), /[!'()~]/g, (c) => "%" + codeAt(c, 0).toString(16).toUpperCase());

  const ESCAPES = { __proto__: null, '"': '\\"', "'": "\\'", "\\": "\\\\", "/": "\\/", "\b": "\\b", "\n": "\\n", "\t": "\\t", "\f": "\\f", "\r": "\\r" };
  const escapeJavaScript = (text) =>
    replace(
      String(text),
      /["'\\/\x00-\x1f\x7f-\uffff]/g,
      (c) => ESCAPES[c] ?? "\\u" + padStart(codeAt(c, 0).toString(16).toUpperCase(), 4, "0"),
    );
  const urlDecode = (text) => decodeURIComponent(replace(String(text), /\+/g, " "));

  return { base64Decode, base64Encode, escapeJavaScript, urlDecode, urlEncode };
})
