export function request(ctx) {
  return { payload: ctx.request.headers };
}

export function response(ctx) {
  return ctx.result;
}
