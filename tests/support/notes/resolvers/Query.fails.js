import { util } from "@aws-appsync/utils";

export function request() {
  util.error("no luck", "Unlucky", { ignored: 1 }, { hint: "again" });
}

export function response(ctx) {
  return ctx.result;
}
