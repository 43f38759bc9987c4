export function request(ctx) {
  return { payload: { ...ctx.prev.result, text: ctx.prev.result.text.toUpperCase() } };
}

export function response(ctx) {
  return ctx.result;
}
