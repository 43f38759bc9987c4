export function request(ctx) {
  return {
    payload: ctx.missing.member };
}

export function response(ctx) {
  return ctx.result;
}
