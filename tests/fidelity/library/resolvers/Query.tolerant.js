export function request() {
  return { operation: "Invoke", payload: { field: "tolerant", arguments: {} } };
}

export function response(ctx) {
  return ctx.error ? `without ${ctx.error.type}` : ctx.result;
}
