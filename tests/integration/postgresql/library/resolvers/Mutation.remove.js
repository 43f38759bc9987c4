import { createPgStatement, remove, toJsonObject, typeHint } from "@aws-appsync/utils/rds";

export function request(ctx) {
  return createPgStatement(remove({ table: "book", where: { id: { eq: typeHint.UUID(ctx.args.id) } }, returning: "*" }));
}

export function response(ctx) {
  return toJsonObject(ctx.result)[0][0];
}
