// `util.rds`: converts responses of the RDS Data API to rows.
// Source: AppSync Developer Guide, "Amazon RDS helpers in util.rds".
(({ complete, parse }) => {
  const list = (array) => (array.arrayValues ? array.arrayValues.map(list) : Object.values(array)[0]);
  const content = (value) => {
    if (value.isNull) return null;
    return value.arrayValue ? list(value.arrayValue) : Object.values(value)[0];
  };
  const row = (record, columns) =>
    Object.fromEntries(
      record
        .map((value, at) => [columns[at].label ?? columns[at].name, content(value)])
        .filter(([, value]) => value !== null),
    );
  return complete("util.rds", {
    // Observed behaviour of the service: a statement that changes rows returns one empty row; null columns are left out.
    // Source: "Retrieving data" of the page for RDS: a value that is not such an answer becomes null.
    toJsonObject: (answer) => {
      try {
        const { sqlStatementResults } = typeof answer === "string" ? parse(answer) : answer;
        return sqlStatementResults.map(({ records, columnMetadata }) => (records ?? [[]]).map((record) => row(record, columnMetadata)));
      } catch {
        return null;
      }
    },
  });
})
