// Starts a job: the pipeline opens it in the log, then dispatches it to a worker. The answer is the job as `open`
// wrote it.
export function request(ctx) {
  return {};
}

export function response(ctx) {
  return ctx.prev.result;
}
