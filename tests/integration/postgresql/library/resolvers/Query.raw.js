import { util } from "@aws-appsync/utils";

export function request(ctx) {
  return { version: "2018-05-29", statements: [ctx.args.sql], variableMap: { ":n": 7, ":t": "text" }, variableTypeHintMap: {} };
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  return util.rds.toJsonObject(ctx.result);
}
