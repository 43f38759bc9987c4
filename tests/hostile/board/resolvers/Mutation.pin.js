export function request(ctx) {
  return { payload: { id: `${ctx.args.board}-${ctx.args.number}`, ...ctx.args } };
}

export const response = (ctx) => ctx.result;
