import { runtime } from "@aws-appsync/utils";

export function request(ctx) {
  return {};
}

export function response(ctx) {
  return JSON.stringify({ stash: ctx.stash, result: ctx.result, previous: ctx.prev.result });
}
