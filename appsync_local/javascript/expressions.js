// Converts filter objects to DynamoDB expressions. The names of values, the parentheses and the results for invalid
// filters are those of the service (localstack/appsync-utils, tests recorded with EvaluateCode).
(({ part }) => {
  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  class Unrendered {}
  const need = (holds) => {
    if (!holds) throw new Unrendered();
  };
  const orNull = (render) => {
    try {
      return render();
    } catch (thrown) {
      if (thrown instanceof Unrendered) return null;
      throw thrown;
    }
  };

  const COMPARISONS = { __proto__: null, eq: "=", ne: "<>", lt: "<", le: "<=", gt: ">", ge: ">=" };
  const CALLS = { __proto__: null, contains: "contains", notContains: "NOT contains", beginsWith: "begins_with" };
  const TYPES = {
    __proto__: null, _null: "NULL", string: "S", stringSet: "SS", number: "N", numberSet: "NS", binary: "B", binarySet: "BS",
    boolean: "BOOL", list: "L", map: "M",
  };

  class Expression {
    constructor() {
      this.names = {};
      this.values = {};
      this.typed = part("dynamodb").toDynamoDB;
    }

    value(name, value) {
      this.values[`:${name}`] = this.typed(value);
      return `:${name}`;
    }

    operator(subject, name, operator, operand) {
      const label = `${name}_${operator}`;
      if (COMPARISONS[operator]) return `(${subject} ${COMPARISONS[operator]} ${this.value(label, operand)})`;
      if (CALLS[operator]) return `(${CALLS[operator]}(${subject},${this.value(label, operand)}))`;
      switch (operator) {
        case "between":
          need(Array.isArray(operand) && operand.length > 1);
          return `(${subject} BETWEEN ${this.value(`${label}_start`, operand[0])} AND ${this.value(`${label}_end`, operand[1])})`;
        case "in":
          need(Array.isArray(operand));
          if (!operand.length) return "(null)";
          return `(${subject} IN (${operand.map((item, at) => this.value(`${label}_${at}`, item)).join(", ")}))`;
        case "attributeExists":
          need(typeof operand === "boolean");
          return operand ? `(attribute_exists(${subject}))` : `(attribute_not_exists(${subject}))`;
        case "attributeType":
          need(typeof operand === "string" && TYPES[operand]);
          return `(attribute_type(${subject},${this.value(label, TYPES[operand])}))`;
        case "size":
          need(isObject(operand));
          return this.operators(subject.startsWith("size(") ? subject : `size(${subject})`, label, operand);
        default:
          throw new Unrendered();
      }
    }

    operators(subject, name, operators) {
      const rendered = Object.entries(operators).map(([operator, operand]) => this.operator(subject, name, operator, operand));
      return rendered.length > 1 ? `(${rendered.join(" AND ")})` : (rendered[0] ?? "");
    }

    group(members, prefix, joiner) {
      need(Array.isArray(members));
      const rendered = members.map((member, at) => this.filter(member, `${prefix}_${at}_`));
      return rendered.length > 1 ? `(${rendered.join(joiner)})` : (rendered[0] ?? "");
    }

    filter(filter, prefix) {
      need(isObject(filter));
      return Object.entries(filter)
        .map(([name, condition]) => {
          if (name === "and") return this.group(condition, `${prefix}and`, " AND ");
          if (name === "or") return this.group(condition, `${prefix}or`, " OR ");
          if (name === "not") return `(NOT ${this.filter(condition, `${prefix}not_`)})`;
          need(isObject(condition));
          this.names[`#${name}`] = name;
          return this.operators(`#${name}`, prefix + name, condition);
        })
        .join(" AND ");
    }
  }
  // Returns null if the filter is invalid. `prefix` is put before the name of every value.
  const toExpression = (filter, prefix = "") =>
    orNull(() => {
      const expression = new Expression();
      const text = expression.filter(filter, prefix);
      return { expression: text, expressionNames: expression.names, expressionValues: expression.values };
    });

  return { isObject, need, orNull, toExpression };
})
