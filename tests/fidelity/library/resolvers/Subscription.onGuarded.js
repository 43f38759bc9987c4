import { util } from "@aws-appsync/utils";

export function request(ctx) {
  return { operation: "Invoke", payload: { field: "onGuarded", arguments: ctx.args } };
}

export function response(ctx) {
  if (ctx.args.door === "closed") util.unauthorized();
  if (ctx.args.door === "full") util.error("the room is full", "RoomFull");
  return { isbn: "from the resolver", copies: 1 };
}
