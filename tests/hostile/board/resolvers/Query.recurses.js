export function request() {
  const steps = { down: (step) => step.down(step) };
  return { payload: steps.down(steps) };
}

export const response = (ctx) => ctx.result;
