export function request() {
  const list = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz".split("");
  return { payload: list.reduce((text) => text.concat(text), "boom") };
}

export const response = (ctx) => ctx.result;
