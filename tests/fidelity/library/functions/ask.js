export function request() {
  return { operation: "Invoke", payload: { field: "after", arguments: {} } };
}

export function response(ctx) {
  return ctx.result;
}
