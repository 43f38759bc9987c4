import * as ddb from "@aws-appsync/utils/dynamodb";

export function request(ctx) {
  return ddb.put({ key: { sku: ctx.args.sku }, item: { sku: ctx.args.sku, cents: ctx.args.cents } });
}

export function response(ctx) {
  return ctx.result;
}
