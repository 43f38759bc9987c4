// `util.transform`: converts filter objects to filters of DynamoDB, OpenSearch and subscriptions.
// Source: AppSync Developer Guide, "Transformation helpers in util.transform", and the recordings named in expressions.js.
(({ complete, part, stringify }) => {
  const { isObject, need, orNull, toExpression } = part("expressions");
  const toDynamoDB = (filter) => {
    const rendered = toExpression(filter);
    return rendered && stringify(rendered);
  };

  const must = (clauses) => ({ bool: { must: clauses } });
  const not = (clause) => ({ bool: { must_not: clause } });
  const SEARCH = {
    __proto__: null,
    eq: (field, value) => ({ term: { [field]: value } }),
    ne: (field, value) => not({ term: { [field]: value } }),
    match: (field, value) => ({ match: { [field]: value } }),
    matchPhrase: (field, value) => ({ match_phrase: { [field]: value } }),
    matchPhrasePrefix: (field, value) => ({ match_phrase_prefix: { [field]: value } }),
    multiMatch: (field, value) => ({ multi_match: { fields: [field], query: value } }),
    exists: (field, value) => (value ? { exists: { field } } : not({ exists: { field } })),
    range: (field, [from, to]) => ({ range: { [field]: { gte: from, lte: to } } }),
    wildcard: (field, value) => ({ wildcard: { [field]: value } }),
    regexp: (field, value) => ({ regexp: { [field]: value } }),
  };
  for (const bound of ["gt", "gte", "lt", "lte"]) SEARCH[bound] = (field, value) => ({ range: { [field]: { [bound]: value } } });
  const all = (clauses) => (clauses.length === 1 ? clauses[0] : must(clauses));
  const search = (query) => {
    need(isObject(query));
    return all(
      Object.entries(query).map(([name, condition]) => {
        if (name === "and") return must(condition.map(search));
        if (name === "or") return { bool: { should: condition.map(search) } };
        if (name === "not") return not(search(condition));
        need(isObject(condition));
        return all(
          Object.entries(condition).map(([operator, value]) => {
            need(SEARCH[operator]);
            return SEARCH[operator](name, value);
          }),
        );
      }),
    );
  };

  const both = (left, right) => left.flatMap((a) => right.map((b) => [...a, ...b]));
  const groupsOf = (conditions, ignored) => {
    let groups = [[]];
    for (const [fieldName, condition] of Object.entries(conditions)) {
      if (ignored.includes(fieldName)) continue;
      if (fieldName === "and") {
        for (const part of condition) groups = both(groups, groupsOf(part, ignored));
      } else if (fieldName === "or") {
        groups = both(groups, condition.flatMap((part) => groupsOf(part, ignored)));
      } else {
        groups = both(groups, Object.entries(condition).map(([operator, value]) => [{ fieldName, operator, value }]));
      }
    }
    return groups;
  };
  const toSubscriptionFilter = (conditions, ignoredFields, rules) => {
    if (!isObject(conditions)) return null;
    let groups = groupsOf(conditions, ignoredFields ?? []);
    if (rules) groups = both(groups, groupsOf({ or: Object.entries(rules).map(([k, v]) => ({ [k]: v })) }, []));
    return { filterGroup: groups.filter((filters) => filters.length).map((filters) => ({ filters })) };
  };

  return complete("util.transform", {
    toDynamoDBFilterExpression: toDynamoDB,
    toDynamoDBConditionExpression: toDynamoDB,
    toElasticsearchQueryDSL: (query) => orNull(() => stringify(search(query))),
    toSubscriptionFilter,
  });
})
