import { util } from "@aws-appsync/utils";

export function request(ctx) {
  return { operation: "Invoke", payload: ctx.args };
}

export function response(ctx) {
  return ctx.error ? util.error(ctx.error.message, ctx.error.type) : ctx.result;
}
