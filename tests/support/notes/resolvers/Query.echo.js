export function request(ctx) {
  return { payload: { args: ctx.args, headers: ctx.request.headers, list: ctx.info.selectionSetList, identity: ctx.identity, variables: ctx.info.variables } };
}

export const response = (ctx) => JSON.stringify(ctx.result);
