import { extensions } from "@aws-appsync/utils";

export function request() {
  return { payload: null };
}

export function response(ctx) {
  for (const each of [1, 2, 3, 4, 5, 6]) {
    if (each <= (ctx.args.times ?? 1)) {
      extensions.invalidateSubscriptions({ subscriptionField: "onShelf", payload: { reader: ctx.args.reader } });
    }
  }
  return ctx.args.reader;
}
