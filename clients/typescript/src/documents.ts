import { selection } from "./shapes.ts";

const EVENT = selection("Event");
// Subscriptions are filtered by the audience: a mutation that does not select it is pushed to nobody.
const PUSHED = `${EVENT} audience { owner }`;

// A tilde stands for the prefix of the types of the jobs, which most APIs do not have. Each document has at most one.
export const START: string = operation("mutation", "startInference", "$input:~InferenceInput!", PUSHED);
export const CANCEL: string = operation("mutation", "cancelInference", "$jobId:ID!", PUSHED);
export const DELETE: string = operation("mutation", "deleteInference", "$jobId:ID!");
export const UPLOAD: string = operation("mutation", "createUpload", "$input:~UploadInput!", selection("Upload"));
export const GET: string = operation("query", "getInference", "$jobId:ID!", `${EVENT} ${selection("Snapshot")}`);
export const LIST: string = operation(
  "query",
  "listInferences",
  "$status:~Status $limit:Int $nextToken:String",
  `items { ${EVENT} } nextToken`,
);
export const EVENTS: string = operation("query", "inferenceEvents", "$jobId:ID! $after:Int $limit:Int", EVENT);
export const QUOTE: string = operation("query", "quoteInference", "$input:~QuoteInput!", selection("Cost"));
export const WATCH: string = operation("subscription", "onInferenceStatusChange", "$jobId:ID!", EVENT);

/** A document with one field, which gets all variables as arguments of the same names. */
function operation(kind: string, field: string, variables: string, fields?: string): string {
  const passed = variables.replace(/(.(\w+)):\S+/g, "$2:$1");
  return `${kind} ${field}(${variables}) { ${field}(${passed}) ${fields ? `{ ${fields} }` : ""} }`;
}
