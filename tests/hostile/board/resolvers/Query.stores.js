export function request(ctx) {
  const stored = { list: [], text: "" };
  stored[ctx.args.key][ctx.args.member] = ctx.args.value;
  return { payload: JSON.stringify(stored) };
}

export const response = (ctx) => ctx.result;
