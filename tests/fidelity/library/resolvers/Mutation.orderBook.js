export function request(ctx) {
  ctx.stash.isbn = ctx.args.isbn;
  return {};
}

export function response(ctx) {
  return ctx.prev.result;
}
