export function request(ctx) {
  return { payload: ctx.prev.result.no.such.member };
}

export function response(ctx) {
  return ctx.result;
}
