import { util } from "@aws-appsync/utils";
import { createPgStatement, insert, toJsonObject, typeHint } from "@aws-appsync/utils/rds";

export function request(ctx) {
  const { id, price, details, published, ...plain } = ctx.args.input;
  const values = { ...plain, id: typeHint.UUID(id) };
  if (price) values.price = typeHint.DECIMAL(price);
  if (details) values.details = typeHint.JSON(details);
  if (published) values.published = typeHint.DATE(published);
  return createPgStatement(insert({ table: "book", values, returning: "*" }));
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  return toJsonObject(ctx.result)[0][0];
}
