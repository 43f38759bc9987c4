import { extensions } from "@aws-appsync/utils";

export function request(ctx) {
  return { payload: { id: ctx.args.board, board: ctx.args.board } };
}

export function response(ctx) {
  extensions.invalidateSubscriptions({ subscriptionField: "clearable", payload: { board: ctx.args.board } });
  return ctx.result;
}
