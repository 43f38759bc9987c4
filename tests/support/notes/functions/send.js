import { util } from "@aws-appsync/utils";

export function request(ctx) {
  return { operation: "Invoke", invocationType: "Event", payload: { run: ctx.stash.note.id, previous: ctx.prev.result.id } };
}

export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  if (ctx.result !== null) util.error("an Event invocation has no result", "Test");
  return ctx.stash.note;
}
