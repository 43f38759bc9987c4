import { util } from "@aws-appsync/utils";

export function request(ctx) {
  return {
    operation: "Invoke",
    payload: { field: ctx.info.fieldName, arguments: ctx.args, identity: ctx.identity, selection: [] },
  };
}

export function response(ctx) {
  // The message of a function that failed may have internal names in it; the type says whether to try again.
  if (ctx.error) util.error("the API could not answer; try again in a moment", ctx.error.type);
  const { data, error } = ctx.result;
  if (error) util.error(error.message, error.type);
  ctx.stash.dispatch = data.dispatch;
  return data.job;
}
