import { util } from "@aws-appsync/utils";

export function request(ctx) {
  util.http.addResponseHeader(ctx.args.name, ctx.args.value);
  return { payload: "labelled" };
}

export function response(ctx) {
  return ctx.result;
}
