import { extensions } from "@aws-appsync/utils";

export function request() {
  return { payload: null };
}

export function response(ctx) {
  const filters = [{ fieldName: "board", operator: "eq", value: ctx.args.board }];
  extensions.setSubscriptionInvalidationFilter({ filterGroup: [{ filters }] });
  return null;
}
