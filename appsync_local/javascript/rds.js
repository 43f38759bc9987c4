// `util.rds`: the Data API's answer as rows. Requests to a database are not made by this engine.
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
      // A statement that changes rows answers one empty row, and a null column is left out: so the service was seen to do.
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
