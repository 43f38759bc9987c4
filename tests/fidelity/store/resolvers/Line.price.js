import { util } from "@aws-appsync/utils";

export function request(ctx) {
  return { operation: "BatchInvoke", payload: ctx.source.sku };
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  return ctx.result;
}
