// The module `@aws-appsync/utils/rds`: statements and parameters for a database.
// Statements and error texts are those of the service where recordings of it exist (localstack/appsync-utils, tests recorded
// with EvaluateCode). `not` and the `returning` of an update follow the AppSync Developer Guide, "JavaScript resolver function
// reference for Amazon RDS". Joins, `groupBy`, `having`, aggregates and subqueries follow the typings of @aws-appsync/utils 2.1
// only: the text that AWS makes of them is not published.
(({ complete, part, refusal, replace }) => {
  const MOST = 2; // Source: AppSync Developer Guide, "Creating statements"
  const COMPARISONS = { __proto__: null, eq: "=", ne: "!=", gt: ">", ge: ">=", lt: "<", le: "<=" };
  const AGGREGATES = ["max", "min", "count", "avg", "sum"];
  const FUNCTIONS = { __proto__: null };
  for (const name of AGGREGATES) {
    FUNCTIONS[name] = (column) => `${name.toUpperCase()}(${column})`;
    FUNCTIONS[`${name}Distinct`] = (column) => `${name.toUpperCase()}(DISTINCT ${column})`;
  }
  const JOINS = {
    join: "JOIN", innerJoin: "INNER JOIN", leftJoin: "LEFT JOIN", leftOuterJoin: "LEFT OUTER JOIN", rightJoin: "RIGHT JOIN",
    rightOuterJoin: "RIGHT OUTER JOIN", fullOuterJoin: "FULL OUTER JOIN", crossJoin: "CROSS JOIN", joinNatural: "NATURAL JOIN",
    innerJoinNatural: "NATURAL INNER JOIN", leftJoinNatural: "NATURAL LEFT JOIN", leftOuterJoinNatural: "NATURAL LEFT OUTER JOIN",
    rightJoinNatural: "NATURAL RIGHT JOIN", rightOuterJoinNatural: "NATURAL RIGHT OUTER JOIN",
    fullOuterJoinNatural: "NATURAL FULL OUTER JOIN",
  };

  class TypeHint {
    constructor(type, value) {
      Object.assign(this, { type, value: value ?? null });
    }
  }
  class Template {
    constructor(strings, values) {
      Object.assign(this, { strings, values });
    }
  }
  class Aggregate {
    constructor(name, column) {
      Object.assign(this, { name, column });
    }
  }
  class Statement {
    constructor(kind, payload) {
      Object.assign(this, { kind, payload });
    }
  }
  const missing = (value) => value === undefined || value === null;
  const isObject = (value) => !missing(value) && typeof value === "object" && !Array.isArray(value);
  const demand = (fits, message) => {
    if (!fits) throw refusal(message);
  };
  const listed = (value, message) => {
    demand(Array.isArray(value), message);
    return value;
  };

  const builder = (caller, quote, canReturn) => {
    const variableMap = {};
    const variableTypeHintMap = {};
    let count = 0;
    const bind = (value) => {
      const name = `:P${count}`;
      count += 1;
      if (value instanceof TypeHint) variableTypeHintMap[name] = value.type;
      variableMap[name] = (value instanceof TypeHint ? value.value : value) ?? null;
      return name;
    };
    const bound = (value) => (missing(value) ? "NULL" : bind(value));
    // A quotation mark in a name is doubled, so that a name cannot end itself.
    const quoted = (name) =>
      name === "*" ? name : name.split(".").map((step) => quote + replace(step, quote === '"' ? /"/g : /`/g, quote + quote) + quote).join(".");
    const template = ({ strings, values }) => values.reduce((text, value, at) => text + bind(value) + strings[at + 1], strings[0]);
    const aggregate = ({ name, column }) => FUNCTIONS[name](quoted(column));
    const nested = (value) => `(${value instanceof Template ? template(value) : written(value)})`;
    const isQuery = (value) => value instanceof Template || (value instanceof Statement && value.kind === "SELECT");

    const only = (alias) => {
      const pairs = Object.entries(alias);
      demand(pairs.length < 2, "table alias is allowed only one key-value pair.");
      demand(pairs.length === 1, "java.util.NoSuchElementException");
      return pairs[0];
    };
    const named = (table) => {
      if (typeof table === "string") return quoted(table);
      if (isQuery(table)) return nested(table);
      demand(isObject(table), "table name is expected to be a string or alias.");
      const [alias, name] = only(table);
      demand(typeof name === "string" || isQuery(name), "Table alias value is expected to be a string.");
      return `${named(name)} as ${quoted(alias)}`;
    };
    const targetOf = ({ table }) => {
      demand(!missing(table), "'table' or 'from' key is required.");
      return named(table);
    };
    const sourceOf = ({ table, from }) => {
      demand(missing(table) || missing(from), "'from' and 'table' keys cannot be used together");
      if (missing(from)) return targetOf({ table });
      demand(typeof from === "string" || isObject(from), "'from' value is expected to be string or object.");
      return named(from);
    };

    const column = (item) => {
      if (typeof item === "string") return quoted(item);
      if (item instanceof Aggregate) return aggregate(item);
      demand(isObject(item) && !isQuery(item), "Invalid type in column array.");
      const [alias, value] = only(item);
      return `${isQuery(value) ? nested(value) : column(value)} as ${quoted(alias)}`;
    };
    const columns = (items) =>
      items === "*" ? items : listed(items, "Expected column to be * or an array.").map(column).join(", ");
    const returning = ({ returning: items }) => {
      if (missing(items)) return [];
      const names = columns(items);
      demand(canReturn, "returning is not supported in MySQL.");
      return ["RETURNING", names];
    };

    const between = (target, limits, path) => {
      listed(limits, `${path} condition expects an array with length of 2.`);
      demand(limits.length === 2, `${path} condition expects an array with 2 values but received an array with length ${limits.length}.`);
      const [low, high] = limits.map(bound);
      return `${target} BETWEEN ${low} AND ${high}`;
    };
    const measured = (target, tests, path, kind) => {
      demand(isObject(tests), `Expected ${path} to be an Object.`);
      const each = Object.entries(tests).map(([operator, value]) => {
        if (operator === "between") return between(target, value, path);
        demand(operator in COMPARISONS, `${path} has invalid ${kind} operator.`);
        return `${target} ${COMPARISONS[operator]} ${bound(value)}`;
      });
      return each.join(" AND ");
    };
    const tested = (name, operator, value) => {
      const path = `${name}.${operator}`;
      const target = quoted(name);
      if (operator === "size") return measured(`LENGTH (${target})`, value, path, operator);
      if (operator in FUNCTIONS) return measured(FUNCTIONS[operator](target), value, path, operator);
      if (operator === "between") return between(target, value, path);
      const like = ["contains", "notContains", "beginsWith"].includes(operator);
      demand(like || operator === "attributeExists" || operator in COMPARISONS, `Unsupported condition ${path}.`);
      demand(!missing(value), `Value for ${path} can't be null.`);
      if (operator in COMPARISONS) return `${target} ${COMPARISONS[operator]} ${bind(value)}`;
      const type = like ? "string" : "boolean";
      demand(typeof value === type, `${path} expects a ${type} value to be passed.`);
      switch (operator) {
        case "contains": return `${target} LIKE ${bind(`%${value}%`)}`;
        case "beginsWith": return `${target} LIKE ${bind(`${value}%`)}`;
        case "notContains": return `${target} NOT LIKE ${bind(value)}`; // recorded: without wildcards
        default: return `${target} IS ${value ? "NOT " : ""}NULL`;
      }
    };
    const bracketed = (text) => (text === "" ? "" : `(${text})`);
    const grouped = (name, parts) => {
      const operator = name === "or" ? "OR" : "AND";
      const each = listed(parts, `${name} expects conditions to be an array`).map((item) => {
        demand(isObject(item) && !isQuery(item), `Expected ${name} to be an Object.`);
        return condition(item, bracketed, operator);
      });
      return each.join(` ${operator} `);
    };
    const condition = (members, wrap, operator) => {
      const each = [];
      for (const [name, value] of Object.entries(members)) {
        if (name === "and" || name === "or") {
          const text = grouped(name, value);
          if (text !== "") each.push(wrap(text));
        } else if (name === "not") {
          const text = grouped(name, value);
          if (text !== "") each.push(wrap(`NOT (${text})`));
        } else {
          demand(isObject(value), "Expected condition to be an Object.");
          each.push(wrap(Object.entries(value).map(([test, operand]) => tested(name, test, operand)).join(" AND ")));
        }
      }
      return each.join(` ${operator} `);
    };
    const filtered = (keyword, members) => {
      if (missing(members)) return [];
      demand(isObject(members) && !(members instanceof Statement), `${keyword} values are expected to be SQL templates or a condition object.`);
      const text = members instanceof Template ? template(members) : condition(members, (plain) => plain, "AND");
      return text === "" ? [] : [keyword, text];
    };

    const joined = (payload) =>
      Object.entries(JOINS).flatMap(([member, keyword]) =>
        (missing(payload[member]) ? [] : listed(payload[member], `${member} expects an array.`)).map((join) => {
          demand(isObject(join), `${member} item expected to be an object.`);
          const using = missing(join.using) ? [] : ["USING", bracketed(columns(join.using))];
          return [keyword, sourceOf(join), ...using, ...filtered("ON", join.on)].join(" ");
        }),
      );
    const group = (items) => {
      if (missing(items) || !listed(items, "groupBy expects an array.").length) return [];
      const each = items.map((item) => {
        demand(typeof item === "string" || Number.isInteger(item), "groupBy item expected to be a column or its position.");
        return typeof item === "string" ? quoted(item) : String(item);
      });
      return ["GROUP BY", each.join(", ")];
    };
    const order = (items) => {
      if (missing(items) || !listed(items, "orderBy expects an array.").length) return [];
      const each = items.map((item) => {
        demand(isObject(item), "orderBy item expected to be an object.");
        demand(typeof item.column === "string", "orderBy item expected to have property column.");
        const dir = typeof item.dir === "string" ? item.dir.toUpperCase() : "ASC";
        demand(dir === "ASC" || dir === "DESC", `orderBy dir can have either ASC or DESC found ${item.dir}.`);
        return `${quoted(item.column)} ${dir}`;
      });
      return ["ORDER BY", each.join(", ")];
    };
    const rows = (keyword, value) => {
      if (missing(value)) return [];
      const number = value === "" ? NaN : Number(value);
      demand(!Number.isNaN(number), `${keyword.toLowerCase()} expects a number.`);
      return [keyword, bind(number)];
    };
    const given = ({ values }, verb) => {
      demand(!missing(values), `values are expected to be passed to ${verb}`);
      demand(isObject(values), "Expected values to an Object.");
      return Object.entries(values);
    };

    const clauses = (kind, payload) => {
      switch (kind) {
        case "SELECT":
          return [
            "SELECT", missing(payload.columns) ? "*" : columns(payload.columns), `FROM ${sourceOf(payload)}`, ...joined(payload),
            ...filtered("WHERE", payload.where), ...group(payload.groupBy), ...filtered("HAVING", payload.having),
            ...order(payload.orderBy), ...rows("LIMIT", payload.limit), ...rows("OFFSET", payload.offset),
          ];
        case "INSERT": {
          const pairs = given(payload, "insert");
          const names = pairs.map(([name]) => quoted(name)).join(", ");
          return [`INSERT INTO ${targetOf(payload)}`, `(${names}) VALUES (${pairs.map(([, value]) => bound(value)).join(", ")})`, ...returning(payload)];
        }
        case "UPDATE": {
          const pairs = given(payload, "update");
          const changes = pairs.map(([name, value]) => `${quoted(name)} = ${bound(value)}`).join(", ");
          return [`UPDATE ${targetOf(payload)}`, "SET", changes, ...filtered("WHERE", payload.where), ...returning(payload)];
        }
        default:
          return [`DELETE FROM ${targetOf(payload)}`, ...filtered("WHERE", payload.where), ...returning(payload)];
      }
    };
    const written = ({ kind, payload }) =>
      clauses(kind, payload).filter((clause) => clause !== "").join(" ").trimEnd();

    return (items) => {
      demand(items.length, `An argument is expected to be passed to ${caller}`);
      const given = items.length > 1 ? items.filter((item, at) => at === 0 || !missing(item)) : items;
      demand(given.length <= MOST, `${caller} accepts at most ${MOST} statements, and ${given.length} were passed`);
      const statements = given.map((item) => {
        if (typeof item === "string") return item;
        if (item instanceof Template) return template(item);
        demand(item instanceof Statement, `Unsupported type is passed as argument to ${caller}`);
        return written(item);
      });
      return { statements, variableMap, variableTypeHintMap };
    };
  };

  const statement = (verb, kind) => (...args) => {
    demand(args.length && args[0] !== undefined, `An argument is expected to be passed to ${verb}`);
    demand(isObject(args[0]), "Expected payload to be an Object.");
    return new Statement(kind, args[0]);
  };
  const functionsOf = (names, make) => Object.fromEntries(names.map((name) => [name, make(name)]));
  return complete("@aws-appsync/utils/rds", {
    select: statement("select", "SELECT"),
    insert: statement("insert", "INSERT"),
    update: statement("update", "UPDATE"),
    remove: statement("remove", "DELETE"),
    sql: (strings, ...values) => {
      demand(
        Array.isArray(strings) && strings.length === values.length + 1,
        "java.lang.IllegalArgumentException: Unexpected argument passed to sql tagged template",
      );
      return new Template(strings, values);
    },
    createPgStatement: (...items) => builder("createPgStatement", '"', true)(items),
    createMySQLStatement: (...items) => builder("createMySQLStatement", "`", false)(items),
    typeHint: complete(
      "typeHint",
      functionsOf(["DATE", "DECIMAL", "JSON", "TIME", "TIMESTAMP", "UUID"], (type) => (value) => new TypeHint(type, value)),
    ),
    agg: complete(
      "agg",
      functionsOf(Object.keys(FUNCTIONS), (name) => (column) => {
        demand(typeof column === "string", `agg.${name} expects the name of a column`);
        return new Aggregate(name, column);
      }),
    ),
    toJsonObject: part("rds").toJsonObject,
  });
})
