const circle = {};
circle.circle = circle;
const number = (value) => ({ payload: { id: "n", number: value } });

export function request(ctx) {
  switch (ctx.args.kind) {
    case "infinite":
      return number(1e308 * 10);
    case "large":
      return number(2147483648);
    case "huge":
      return number(1e300);
    case "half":
      return { payload: { id: "\ud800", text: "a\udfffb" } };
    case "circle":
      return { payload: circle };
    case "function":
      return { payload: { id: () => "n" } };
    case "toJSON":
      return { payload: { toJSON: () => "forged" } };
    case "list":
      return { payload: [[[]]] };
    case "text":
      return "payload";
    case "nothing":
      return undefined;
    case "proto":
      return { payload: JSON.parse('{"__proto__":{"id":"p"},"constructor":1}') };
    case "typename":
      return { payload: { id: "n", thread: [{ __typename: "Kind" }, { __typename: "Query" }, { __typename: 1 }, null, 1] } };
    default:
      return { payload: { id: ctx.args.kind, kind: "NO_SUCH", detail: "{", thread: "text", author: [] } };
  }
}

export const response = (ctx) => ctx.result;
