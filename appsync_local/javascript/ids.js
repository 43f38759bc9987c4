// Random ids; the sortable ones begin with the time. Source: AppSync Developer Guide, "ID generation utils".
(({ Date, padStart, random32 }) => {
  const hex = (count) => {
    let out = "";
    while (out.length < count) out += padStart(random32().toString(16), 8, "0");
    return out.slice(0, count);
  };
  const autoId = () =>
    `${hex(8)}-${hex(4)}-4${hex(3)}-${"89ab"[random32() & 3]}${hex(3)}-${hex(12)}`;

  const inBase = (digits, number, width) => {
    let out = "";
    for (let left = number; out.length < width; left /= BigInt(digits.length)) out = digits[left % BigInt(digits.length)] + out;
    return out;
  };
  // Source: github.com/ulid/spec: 48 bits of milliseconds and 80 of randomness, in Crockford's base 32.
  const autoUlid = () =>
    inBase("0123456789ABCDEFGHJKMNPQRSTVWXYZ", (BigInt(Date.now()) << 80n) | BigInt(`0x${hex(20)}`), 26);
  // Source: github.com/segmentio/ksuid: seconds since 2014-05-13T16:53:20Z in 32 bits and 128 of randomness, in base 62.
  const autoKsuid = () =>
    inBase(
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
      (BigInt(Math.floor(Date.now() / 1000) - 1400000000) << 128n) | BigInt(`0x${hex(32)}`),
      27,
    );

  return { autoId, autoKsuid, autoUlid };
})
