export function request(ctx) {
  return { operation: "Invoke", payload: { field: ctx.info.fieldName, id: ctx.args.id, text: ctx.args.text } };
}

export function response(ctx) {
  return ctx.result;
}
