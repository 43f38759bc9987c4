import { runtime } from "@aws-appsync/utils";

export function request(ctx) {
  ctx.stash.seen.push("leaves: request");
  runtime.earlyReturn({ left: "early" });
}

export function response(ctx) {
  ctx.stash.seen.push("leaves: response");
  return ctx.result;
}
