import { util } from "@aws-appsync/utils";

export function request(ctx) {
  return { method: "GET", resourcePath: `/prices/${ctx.args.sku}`, params: { headers: { "x-from": "store" } } };
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  return { status: ctx.result.statusCode, body: JSON.parse(ctx.result.body) };
}
