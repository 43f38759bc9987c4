import { runtime, util } from "@aws-appsync/utils";

export function request(ctx) {
  // Null if a worker already has the job: a second dispatch would only be refused.
  if (!ctx.stash.dispatch) runtime.earlyReturn(ctx.prev.result);
  return { operation: "Invoke", invocationType: "Event", payload: ctx.stash.dispatch };
}

export function response(ctx) {
  // The message of a function that failed may have internal names in it; the type says whether to try again.
  if (ctx.error) util.error("the API could not answer; try again in a moment", ctx.error.type);
  return ctx.prev.result; // the job: an Event invocation has no result of its own
}
