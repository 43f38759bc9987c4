import { util } from "@aws-appsync/utils";

export function request() {
  return { payload: null };
}

export function response() {
  util.appendError("no cover", "Partial", { pages: 3 });
  return { isbn: "b1", pages: 3, copies: 1 };
}
