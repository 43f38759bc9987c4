export function request(ctx) {
  return { payload: `after ${ctx.prev.result}` };
}

export function response(ctx) {
  return ctx.result;
}
