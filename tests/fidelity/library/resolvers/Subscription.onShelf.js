import { extensions } from "@aws-appsync/utils";

export function request() {
  return { payload: null };
}

const only = (fieldName, operator, value) => ({ fieldName, operator, value });
const FILTERS = {
  in: [{ filters: [only("shelf", "in", ["SCIENCE", "HISTORY"])] }],
  groups: [{ filters: [only("shelf", "eq", "SCIENCE")] }, { filters: [only("pages", "gt", 500), only("title", "beginsWith", "A")] }],
  exact: [{ filters: [only("title", "eq", "Emma")] }],
  six: [{ filters: [only("pages", "in", [1, 2, 3, 4, 5, 6])] }],
};

export function response(ctx) {
  const filterGroup = FILTERS[ctx.args.case ?? "none"];
  if (filterGroup) extensions.setSubscriptionFilter({ filterGroup });
  else extensions.setSubscriptionFilter({ filterGroup: [{ filters: [only("copies", "ge", 0)] }] });
  if (ctx.args.reader) {
    extensions.setSubscriptionInvalidationFilter({ filterGroup: [{ filters: [only("reader", "eq", ctx.args.reader)] }] });
  }
  return null;
}
