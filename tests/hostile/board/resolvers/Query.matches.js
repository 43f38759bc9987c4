import { util } from "@aws-appsync/utils";

export function request(ctx) {
  return { payload: util.matches(ctx.args.pattern, ctx.args.text) };
}

export const response = (ctx) => ctx.result;
