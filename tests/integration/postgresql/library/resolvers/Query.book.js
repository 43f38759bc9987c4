import { util } from "@aws-appsync/utils";
import { createPgStatement, select, toJsonObject, typeHint } from "@aws-appsync/utils/rds";

export function request(ctx) {
  return createPgStatement(select({ table: "book", where: { id: { eq: typeHint.UUID(ctx.args.id) } }, limit: 1 }));
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  return toJsonObject(ctx.result)[0][0];
}
