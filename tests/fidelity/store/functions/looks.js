export function request(ctx) {
  ctx.stash.seen.push(ctx.prev.result);
  return { payload: "looked" };
}

export function response(ctx) {
  return ctx.result;
}
