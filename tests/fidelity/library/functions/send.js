export function request(ctx) {
  return {
    operation: "Invoke",
    invocationType: "Event",
    payload: { fetch: ctx.stash.isbn, title: ctx.prev.result.title },
  };
}

export function response(ctx) {
  const seen = { result: ctx.result === null, error: ctx.error === undefined || ctx.error === null };
  return { ...ctx.prev.result, detail: seen };
}
