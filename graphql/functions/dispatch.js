import { runtime, util } from "@aws-appsync/utils";

export function request(ctx) {
  // Null where the job was started before and a worker has it: starting it again would only be refused.
  if (!ctx.stash.dispatch) runtime.earlyReturn(ctx.stash.job);
  return { operation: "Invoke", invocationType: "Event", payload: ctx.stash.dispatch };
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  return ctx.stash.job; // an Event invocation has no result of its own
}
