import { extensions } from "@aws-appsync/utils";

export function request(ctx) {
  extensions.evictFromApiCache("Line", "price", {});
  return { payload: true };
}

export function response(ctx) {
  return ctx.result;
}
