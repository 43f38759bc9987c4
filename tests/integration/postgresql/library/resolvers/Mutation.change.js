import { createPgStatement, select, toJsonObject, typeHint, update } from "@aws-appsync/utils/rds";

export function request(ctx) {
  const where = { id: { eq: typeHint.UUID(ctx.args.id) } };
  return createPgStatement(update({ table: "book", values: { title: ctx.args.title }, where }), select({ table: "book", where }));
}

export function response(ctx) {
  return toJsonObject(ctx.result)[1][0];
}
