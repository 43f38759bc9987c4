export function request() {
  return {};
}

export function response(ctx) {
  ctx.stash.finished = true;
  return "the final response has run";
}
