export function request(ctx) {
  return {
    payload: [
      { isbn: "978-0-14-143951-8", title: "Pride and Prejudice", status: "AVAILABLE" },
      { isbn: "978-0-14-043944-1", title: "Middlemarch", status: "ON_LOAN" },
    ],
  };
}

export function response(ctx) {
  return ctx.result;
}
