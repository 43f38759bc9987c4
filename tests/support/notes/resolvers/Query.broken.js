// The second function of a pipeline throws.
export function request() {
  return {};
}

export function response() {
  return "never";
}
