// The operations of the contract. `jobId`, `delta` and the like are the fields of `Event`.

const COST = "currency pricesOf total items { name quantity unit price amount } notes";
const FIELDS = `jobId owner status sequence attempt progress message delta output outputOmitted outputKept result
  resultOmitted resultIsOutput resultUrl resultBytes resultSha256 error errorType model usage metadata
  cost { ${COST} }
  createdAt startTime endTime updatedAt`;
// Subscriptions are filtered by the audience: a mutation that does not select it is pushed to nobody.
const PUSHED = `${FIELDS} audience { owner }`;

export const START: string = `mutation StartInference($input: InferenceInput!) { startInference(input: $input) { ${PUSHED} } }`;
export const CANCEL: string = `mutation CancelInference($jobId: ID!) { cancelInference(jobId: $jobId) { ${PUSHED} } }`;
export const DELETE: string = "mutation DeleteInference($jobId: ID!) { deleteInference(jobId: $jobId) }";
export const UPLOAD: string = `mutation CreateUpload($input: UploadInput!) {
  createUpload(input: $input) { uploadId url headers { name value } }
}`;
export const GET: string = `query GetInference($jobId: ID!) { getInference(jobId: $jobId) { ${FIELDS} } }`;
export const LIST: string = `query ListInferences($status: Status, $limit: Int, $nextToken: String) {
  listInferences(status: $status, limit: $limit, nextToken: $nextToken) { items { ${FIELDS} } nextToken }
}`;
export const EVENTS: string = `query InferenceEvents($jobId: ID!, $after: Int, $limit: Int) {
  inferenceEvents(jobId: $jobId, after: $after, limit: $limit) { ${FIELDS} }
}`;
export const QUOTE: string = `query QuoteInference($input: QuoteInput!) { quoteInference(input: $input) { ${COST} } }`;
export const WATCH: string = `subscription OnInferenceStatusChange($jobId: ID!) {
  onInferenceStatusChange(jobId: $jobId) { ${FIELDS} }
}`;
