// `util.dynamodb`: converts plain values to DynamoDB's typed values. Numbers stay numbers, as in AppSync's runtime.
// Source: AppSync Developer Guide, "DynamoDB helpers in util.dynamodb".
(({ complete, parse, stringify }) => {
  // The result of a set helper. It is left unchanged when it is used inside another value.
  class Typed {
    constructor(content) {
      Object.assign(this, content);
    }
  }
  const typed = (value) => {
    if (value === null || value === undefined) return { NULL: null };
    if (value instanceof Typed) return value;
    if (typeof value === "string") return { S: value };
    if (typeof value === "number") return { N: value };
    if (typeof value === "boolean") return { BOOL: value };
    if (Array.isArray(value)) return { L: value.map(typed) };
    return { M: values(value) };
  };
  const values = (object) => Object.fromEntries(Object.entries(object).map(([name, value]) => [name, typed(value)]));
  const unless = (make) => (value) => (value === null || value === undefined ? null : make(value));

  return complete("util.dynamodb", {
    toDynamoDB: typed,
    toString: unless((value) => ({ S: String(value) })),
    toStringSet: unless((SS) => new Typed({ SS })),
    toNumber: unless((value) => ({ N: value })),
    toNumberSet: unless((NS) => new Typed({ NS })),
    toBinary: unless((value) => ({ B: value })),
    toBinarySet: unless((BS) => new Typed({ BS })),
    toBoolean: unless((value) => ({ BOOL: value })),
    toNull: () => ({ NULL: null }),
    toList: unless((list) => ({ L: list.map(typed) })),
    toMap: unless((object) => ({ M: values(object) })),
    toMapValues: unless(values),
    toS3Object: (key, bucket, region, version) => ({
      S: stringify({ s3: { key, bucket, region, ...(version === undefined ? {} : { version }) } }),
    }),
    fromS3ObjectJson: (text) => parse(text).s3,
  });
})
