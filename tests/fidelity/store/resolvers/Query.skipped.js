export function request(ctx) {
  ctx.stash.seen = [];
  return {};
}

export function response(ctx) {
  return { seen: ctx.stash.seen, last: ctx.prev.result };
}
