import { util } from "@aws-appsync/utils";

export function request() {
  return { payload: { id: "n1", revision: 1, words: 3 } };
}

export function response(ctx) {
  util.appendError("half of it", "Partial", { words: 3, room: "hall" });
  return ctx.result;
}
