import { util } from "@aws-appsync/utils";

export function request(ctx) {
  const { id, ...rest } = ctx.args;
  return {
    operation: "PutItem",
    key: util.dynamodb.toMapValues({ id }),
    attributeValues: util.dynamodb.toMapValues({ ...rest, status: "PLACED" }),
    condition: { expression: "attribute_not_exists(id)", equalsIgnore: ["placedAt"] },
  };
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type, ctx.result);
  return ctx.result;
}
