// `util.rds`: converts responses of the RDS Data API to rows.
// Source: AppSync Developer Guide, "Amazon RDS helpers in util.rds".
(({ complete, parse }) => {
  const list = (array) => (array.arrayValues ? array.arrayValues.map(list) : Object.values(array)[0]);
  const content = (value) => {
    if (value.isNull) return null;
    return value.arrayValue ? list(value.arrayValue) : Object.values(value)[0];
  };
  return complete("util.rds", {
    toJsonObject: (answer) => {
      const { sqlStatementResults } = typeof answer === "string" ? parse(answer) : answer;
      // Observed behaviour of the service: a statement that changes rows returns one empty row; null columns are left out.
      return sqlStatementResults.map(({ records, columnMetadata }) =>
        (records ?? [[]]).map((record) =>
          Object.fromEntries(
            record
              .map((value, at) => [columnMetadata[at].label ?? columnMetadata[at].name, content(value)])
              .filter(([, value]) => value !== null),
          ),
        ),
      );
    },
  });
})
