import { util } from "@aws-appsync/utils";
import { createPgStatement, select, toJsonObject } from "@aws-appsync/utils/rds";

export function request(ctx) {
  const where = {};
  if (ctx.args.titled) where.title = { contains: ctx.args.titled };
  if (ctx.args.longerThan) where.pages = { gt: ctx.args.longerThan };
  return createPgStatement(select({ table: { b: "book" }, where, orderBy: [{ column: "b.title" }], limit: ctx.args.limit }));
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  return toJsonObject(ctx.result)[0];
}
