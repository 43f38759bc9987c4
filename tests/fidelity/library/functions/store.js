import { util } from "@aws-appsync/utils";

export function request(ctx) {
  return { operation: "Invoke", payload: { field: "store", arguments: { isbn: ctx.stash.isbn } } };
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  return ctx.result;
}
