import { extensions, util } from "@aws-appsync/utils";

export function request() {
  return { payload: null };
}

export function response(ctx) {
  if (ctx.args.room === "closed") util.unauthorized();
  if (ctx.args.room === "full") util.error("the room is full", "RoomFull");
  if (ctx.args.room === "many") {
    extensions.setSubscriptionFilter({ filterGroup: [{ filters: [{ fieldName: "words", operator: "in", value: [1, 2, 3, 4, 5, 6] }] }] });
    return null;
  }
  extensions.setSubscriptionFilter(util.transform.toSubscriptionFilter({ room: { eq: ctx.args.room }, words: { ge: 10 } }));
  return { ignored: true };
}
