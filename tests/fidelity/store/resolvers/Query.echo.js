export function request(ctx) {
  return { payload: { given: ctx.args.value, isObject: typeof ctx.args.value === "object" } };
}

export function response(ctx) {
  return ctx.result;
}
