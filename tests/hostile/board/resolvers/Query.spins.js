export function request() {
  const many = "x".split("").concat("y".split(""));
  const more = (list) => list.concat(list, list, list, list, list, list, list, list);
  const long = more(more(more(many)));
  let count = 0;
  long.forEach(() => long.forEach(() => long.forEach(() => { count = count + 1; })));
  return { payload: count };
}

export const response = (ctx) => `${ctx.result}`;
