import { util } from "@aws-appsync/utils";

export function request(ctx) {
  switch (ctx.args.kind) {
    case "member":
      return { payload: ctx.absent.absent };
    case "object":
      return util.error({ odd: true }, { odd: true }, ctx, "info");
    case "nothing":
      return util.error();
    case "half":
      return util.error("\ud800", "\udfff");
    case "circle": {
      const circle = {};
      circle.circle = circle;
      return util.error("round", "Round", circle, circle);
    }
    case "list":
      return util.appendError([1, 2], [3], [4]);
    case "control":
      return util.error("\u0000\u001b[31m\n2026 INFO forged", "Forged\r\nx: y");
    default:
      return util.unauthorized();
  }
}

export const response = (ctx) => ctx.result;
