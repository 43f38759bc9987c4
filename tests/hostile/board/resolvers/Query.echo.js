export function request(ctx) {
  return { payload: ctx.args };
}

export const response = (ctx) => ctx.result;
