export function request(ctx) {
  const items = [];
  items[ctx.args.times - 1] = 1;
  let count = 0;
  for (const item of items) count = count + 1;
  return { payload: count };
}

export function response(ctx) {
  return ctx.result;
}
