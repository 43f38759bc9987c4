// What compiled templates use at run time: their text becomes the value that a handler in JavaScript returns.
// Source: AppSync Developer Guide, "Resolver mapping template changelog", and "Direct Lambda resolvers", for templates
// that are left out; messages are those of answers of the service that its users published.
(({ halt, part }) => {
  const values = part("velocity/values");
  const { Invalid, read } = part("velocity/json");
  const { failed } = values;
  const LARGEST = 5 * 1024 * 1024; // Source: AppSync quotas, "resolver or function result"
  const OLD = "2017-02-28";
  const VERSIONS = [OLD, "2018-05-29"];
  const STOP = {}; // thrown by #stop

  const evaluated = (text, mayRepeat) => {
    if (text.trim() === "") failed("Template transformation yielded an empty response.");
    if (text.length > LARGEST) failed("Transformation too large");
    try {
      return read(text, mayRepeat);
    } catch (thrown) {
      if (!(thrown instanceof Invalid)) throw thrown;
      return failed(/^\s*(?:[[{"\d-]|true|false|null)/.test(text) ? thrown.message : `Unable to convert ${text} to Object.`);
    }
  };
  const template = (render, mayRepeat) => (ctx) => evaluated(render(ctx), mayRepeat);
  const versioned = (request) => {
    if (request === null || typeof request !== "object" || request.version === undefined) {
      failed("Value for field '$[version]' not found.");
    }
    if (!VERSIONS.includes(request.version)) {
      failed(`Unsupported template version '${values.text(request.version)}'. Supported: ${VERSIONS.join(", ")}.`);
    }
    return request;
  };
  const unit = (render, mayRepeat) => (ctx) => versioned(evaluated(render(ctx), mayRepeat));
  // A pipeline function has a version of its own, so its request needs none.
  const step = (render, mayRepeat) => (ctx) => {
    const found = evaluated(render(ctx), mayRepeat);
    return found?.version === undefined ? found : versioned(found);
  };

  // A resolver or function without a request template sends the whole context to its Lambda function.
  const direct = (operation) => (ctx) => {
    const { arguments: given, identity, source, request: caller, prev, info, stash } = ctx;
    const { selectionSetList, selectionSetGraphQL } = info;
    const shown = { ...info, selectionSetList, selectionSetGraphQL };
    return { version: VERSIONS[1], operation, payload: { arguments: given, identity, source, request: caller, prev, info: shown, stash } };
  };
  // One without a response template returns the result, or fails as its data source did.
  const passed = (ctx) => {
    if (ctx.error) globalThis.util.error(ctx.error.message, ctx.error.type, ctx.result);
    return ctx.result ?? null;
  };

  return {
    ...values, STOP, direct, passed, step, template, unit,
    call: part("velocity/methods"),
    use: part("velocity/utilities"),
    empty: () => ({}),
    isDone: (requested, result) => requested?.version === OLD && result === null,
    leave: (value) => halt({ kind: "returned", value: value ?? null }),
  };
})
