// An ES module with a top-level `await`.
const greeting = await Promise.resolve("hello");

export const handler = async (event) => `${greeting} ${event}`;
export const nested = { deep: { handler: async () => import.meta.url.endsWith("/modern.mjs") } };
export const withCallback = (event, context, callback) => callback(null, 1);
