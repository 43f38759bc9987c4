import { util } from "@aws-appsync/utils";

export function request(ctx) {
  return {
    operation: "UpdateItem",
    key: util.dynamodb.toMapValues({ id: ctx.args.id }),
    update: {
      expression: "SET #name = :name",
      expressionNames: { "#name": "name" },
      expressionValues: util.dynamodb.toMapValues({ ":name": ctx.stash.name }),
    },
  };
}

export function response(ctx) {
  return { ...ctx.result, previous: ctx.prev.result.name };
}
