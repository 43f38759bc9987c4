// Passes the call of a field to `status_relay`, and its answer to the caller.
import { util } from "@aws-appsync/utils";

export function request(ctx) {
  const payload = { field: ctx.info.fieldName, arguments: ctx.args, identity: ctx.identity };
  if (payload.field === "getInference") {
    // What is selected decides what it reads. Elsewhere the selection would be half of the payload, and for nothing.
    payload.selection = ctx.info.selectionSetList;
    payload.selectionText = ctx.info.selectionSetGraphQL;
  }
  return { operation: "Invoke", payload };
}

export function response(ctx) {
  // The message of a function that failed may have internal names in it; the type says whether to try again.
  if (ctx.error) util.error("the API could not answer; try again in a moment", ctx.error.type);
  const { data, error } = ctx.result;
  if (error) util.error(error.message, error.type);
  return data;
}
