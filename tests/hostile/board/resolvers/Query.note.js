export function request(ctx) {
  return { payload: { id: ctx.args.id, board: "desk", text: "hello", number: 1, thread: [], author: { name: "Ada", notes: [] } } };
}

export const response = (ctx) => ctx.result;
