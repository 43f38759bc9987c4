import { util } from "@aws-appsync/utils";

export function request(ctx) {
  util.http.addResponseHeader(ctx.args.name, ctx.args.value);
  return { payload: "told" };
}

export const response = (ctx) => ctx.result;
