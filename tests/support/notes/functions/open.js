export function request(ctx) {
  return { operation: "Invoke", payload: { open: ctx.args.id } };
}

export function response(ctx) {
  ctx.stash.note = ctx.result;
  return ctx.result;
}
