// The module `@aws-appsync/utils/dynamodb`: request objects for the DynamoDB data source.
// Source: AppSync Developer Guide, "Amazon DynamoDB functions in built-in modules"; the names in update expressions are
// those of the service (localstack/appsync-utils, tests recorded with EvaluateCode).
(({ TypeError, complete, isPlain, part, replace }) => {
  const typed = part("dynamodb");
  const { toExpression } = part("expressions");
  // The members that are not null or undefined, in the order of the request object.
  const given = (members) => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null));
  const expression = (what, filter, prefix) => {
    if (filter === undefined || filter === null) return undefined;
    const rendered = toExpression(filter, prefix);
    if (rendered === null) throw new TypeError(`the ${what} must be a filter object with supported operators`);
    return rendered;
  };

  const projected = (names) => {
    if (!names?.length) return undefined;
    const expressionNames = {};
    const paths = names.map((path) =>
      path
        .split(".")
        .map((step) => {
          const name = replace(step, /(\[\d+\])+$/, "");
          const known = Object.keys(expressionNames).find((key) => expressionNames[key] === name);
          const key = known ?? `#expName_${Object.keys(expressionNames).length + 1}`;
          expressionNames[key] = name;
          return key + step.slice(name.length);
        })
        .join("."),
    );
    return { expression: paths.join(", "), expressionNames };
  };

  class Operation {
    constructor(type, members) {
      Object.assign(this, { type: `OPERATION_${type}` }, members);
    }
  }
  const operations = complete("operations", {
    add: (value) => new Operation("ADD", { value }),
    remove: () => new Operation("REMOVE"),
    replace: (value) => new Operation("REPLACE", { value }),
    increment: (by = 1) => new Operation("INCREMENT", { by }),
    decrement: (by = 1) => new Operation("DECREMENT", { by }),
    append: (items) => new Operation("APPEND", { items }),
    prepend: (items) => new Operation("PREPEND", { items }),
    updateListItem: (value, index) => new Operation("UPDATE_LIST_ITEM", { value, index }),
  });

  // Names and values have a number sequence of their own each (aws/aws-appsync-community issue 393).
  const updated = (changes) => {
    const [sets, removes, expressionNames, expressionValues] = [[], [], {}, {}];
    let [names, values] = [0, 0];
    const value = (content) => {
      values += 1;
      expressionValues[`:expValue_${values}`] = typed.toDynamoDB(content);
      return `:expValue_${values}`;
    };
    const change = (path, to) => {
      switch (to instanceof Operation ? to.type : "OPERATION_REPLACE") {
        case "OPERATION_REMOVE": return removes.push(path);
        case "OPERATION_INCREMENT": return sets.push(`${path} = ${path} + ${value(to.by)}`);
        case "OPERATION_DECREMENT": return sets.push(`${path} = ${path} - ${value(to.by)}`);
        case "OPERATION_APPEND": return sets.push(`${path} = list_append(${path}, ${value(to.items)})`);
        case "OPERATION_PREPEND": return sets.push(`${path} = list_append(${value(to.items)}, ${path})`);
        case "OPERATION_UPDATE_LIST_ITEM": return sets.push(`${path}[${to.index}] = ${value(to.value)}`);
        default: return sets.push(`${path} = ${value(to instanceof Operation ? to.value : to)}`);
      }
    };
    const walk = (members, prefix) => {
      for (const [name, to] of Object.entries(members)) {
        if (to === undefined) continue;
        names += 1;
        const path = `${prefix}#expName_${names}`;
        expressionNames[`#expName_${names}`] = name;
        if (Array.isArray(to) && to.length && to.every((item) => item instanceof Operation)) {
          for (const item of to) change(path, item);
        } else if (isPlain(to) && Object.keys(to).length) {
          walk(to, `${path}.`);
        } else {
          change(path, to);
        }
      }
    };
    walk(changes, "");
    const clauses = [sets.length && `SET ${sets.join(", ")}`, removes.length && `REMOVE ${removes.join(", ")}`];
    return given({
      expression: clauses.filter((clause) => clause).join(" "),
      expressionNames,
      expressionValues: Object.keys(expressionValues).length ? expressionValues : undefined,
    });
  };

  const written = ({ customPartitionKey, populateIndexFields, _version, condition }) => ({
    condition: expression("condition", condition),
    customPartitionKey,
    populateIndexFields,
    _version,
  });
  const paged = ({ index, limit, nextToken, consistentRead, scanIndexForward, select, filter, projection }) => ({
    index,
    limit,
    nextToken,
    consistentRead,
    scanIndexForward,
    select,
    filter: expression("filter", filter),
    projection: projected(projection),
  });
  const perTable = (tables, make) => Object.fromEntries(Object.entries(tables).map(([name, content]) => [name, make(content)]));
  const keysOf = (keys) => keys.map(typed.toMapValues);

  const transactional = (item) => {
    const [[kind, { table, key, item: attributes, update: changes, condition }]] = Object.entries(item);
    const check = expression("condition", condition);
    const rest = { condition: check && { ...check, returnValuesOnConditionCheckFailure: true } };
    const base = { table, key: typed.toMapValues(key) };
    switch (kind) {
      case "putItem": return given({ ...base, operation: "PutItem", attributeValues: typed.toMapValues(attributes), ...rest });
      case "updateItem": return given({ ...base, operation: "UpdateItem", update: updated(changes), ...rest });
      case "deleteItem": return given({ ...base, operation: "DeleteItem", ...rest });
      case "conditionCheck": return given({ ...base, operation: "ConditionCheck", ...rest });
      default: throw new TypeError(`transactWrite does not support ${kind}; use putItem, updateItem, deleteItem or conditionCheck`);
    }
  };

  return complete("@aws-appsync/utils/dynamodb", {
    get: ({ key, consistentRead, projection }) =>
      given({ operation: "GetItem", key: typed.toMapValues(key), consistentRead, projection: projected(projection) }),
    put: (input) =>
      given({ operation: "PutItem", key: typed.toMapValues(input.key), attributeValues: typed.toMapValues(input.item), ...written(input) }),
    update: (input) => given({ operation: "UpdateItem", key: typed.toMapValues(input.key), update: updated(input.update), ...written(input) }),
    remove: (input) => given({ operation: "DeleteItem", key: typed.toMapValues(input.key), ...written(input) }),
    query: (input) => given({ operation: "Query", query: expression("query", input.query, "key_"), ...paged(input) }),
    scan: (input = {}) => given({ operation: "Scan", ...paged(input), totalSegments: input.totalSegments, segment: input.segment }),
    sync: (input = {}) =>
      given({
        operation: "Sync",
        basePartitionKey: input.basePartitionKey,
        deltaIndexName: input.deltaIndexName,
        limit: input.limit,
        nextToken: input.nextToken,
        lastSync: input.lastSync,
        filter: expression("filter", input.filter),
      }),
    batchGet: ({ tables }) => ({
      operation: "BatchGetItem",
      tables: perTable(tables, ({ keys, consistentRead, projection }) =>
        given({ keys: keysOf(keys), consistentRead, projection: projected(projection) }),
      ),
    }),
    batchPut: ({ tables }) => ({ operation: "BatchPutItem", tables: perTable(tables, keysOf) }),
    batchDelete: ({ tables }) => ({ operation: "BatchDeleteItem", tables: perTable(tables, keysOf) }),
    transactGet: ({ items }) => ({
      operation: "TransactGetItems",
      transactItems: items.map(({ table, key, projection }) =>
        given({ table, key: typed.toMapValues(key), projection: projected(projection) }),
      ),
    }),
    transactWrite: ({ items }) => ({ operation: "TransactWriteItems", transactItems: items.map(transactional) }),
    toStringSet: typed.toStringSet,
    toNumberSet: typed.toNumberSet,
    toBinarySet: typed.toBinarySet,
    operations,
  });
})
