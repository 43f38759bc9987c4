import { agg, createPgStatement, select, toJsonObject } from "@aws-appsync/utils/rds";

export function request(ctx) {
  return createPgStatement(
    select({
      from: { a: "author" },
      columns: ["a.name", { books: agg.count("w.book_id") }],
      leftJoin: [{ from: { w: "wrote" }, using: ["author_id"] }],
      groupBy: ["a.name"],
      having: { "w.book_id": { count: { ge: ctx.args.more ?? 0 } } },
      orderBy: [{ column: "name" }],
    }),
  );
}

export function response(ctx) {
  return toJsonObject(ctx.result)[0];
}
