export function request() {
  return { payload: "first" };
}

export function response(ctx) {
  return ctx.result;
}
