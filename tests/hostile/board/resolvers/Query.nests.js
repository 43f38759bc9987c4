export function request() {
  const list = "abcdefgh".split("");
  const deep = list.concat(list).reduce((value) => ({ value, again: value }), "x");
  return { payload: deep };
}

export const response = (ctx) => JSON.stringify(ctx.result).slice(0, 20);
