const kept = [];

export function request(ctx) {
  kept.push(ctx.args.value);
  return { payload: kept.length };
}

export const response = (ctx) => ctx.result;
