export function request(ctx) {
  return { operation: "Invoke", invocationType: "Event", payload: ctx.prev.result };
}

export function response(ctx) {
  return ctx.prev.result;
}
