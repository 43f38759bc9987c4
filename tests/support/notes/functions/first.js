export function request(ctx) {
  ctx.stash.seen = ["first"];
  return { payload: "one" };
}

export function response(ctx) {
  return ctx.result;
}
