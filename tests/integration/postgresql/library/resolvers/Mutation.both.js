import { util } from "@aws-appsync/utils";
import { createPgStatement, sql, toJsonObject, typeHint } from "@aws-appsync/utils/rds";

export function request(ctx) {
  return createPgStatement(sql`UPDATE book SET pages = 1 WHERE id = ${typeHint.UUID(ctx.args.id)}`, ctx.args.sql);
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  return toJsonObject(ctx.result);
}
