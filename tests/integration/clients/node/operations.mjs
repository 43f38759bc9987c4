// The GraphQL operations of a caller; see graphql/schema.graphql for all fields.
const EVENT = `
  jobId owner status sequence attempt progress message delta outputKept result resultOmitted resultIsOutput
  error errorType metadata updatedAt`;

export const START = `
  mutation Start($input: InferenceInput!) { startInference(input: $input) { ${EVENT} } }`;

export const CANCEL = `
  mutation Cancel($jobId: ID!) { cancelInference(jobId: $jobId) { ${EVENT} audience { owner } } }`;

export const GET = `
  query Get($jobId: ID!) { getInference(jobId: $jobId) { ${EVENT} output resultUrl } }`;

export const EVENTS = `
  query Events($jobId: ID!, $after: Int) { inferenceEvents(jobId: $jobId, after: $after) { ${EVENT} } }`;

export const WATCH = `
  subscription Watch($jobId: ID!) { onInferenceStatusChange(jobId: $jobId) { ${EVENT} } }`;
