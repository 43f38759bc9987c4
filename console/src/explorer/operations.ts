/** Operations to begin with, about one new job. */
export function firstTabs(jobId: string): { readonly query: string; readonly variables: string }[] {
  const about = JSON.stringify({ jobId }, null, 2);
  const prompt = "a story about a letter that came twice";
  const input = { jobId, prompt, model: "simulated.story", processTime: 10 };
  return [
    {
      query: `# Follow a job. Run this first, then the operation of the next tab.
subscription Follow($jobId: ID!) {
  onInferenceStatusChange(jobId: $jobId) { sequence status attempt progress delta }
}
`,
      variables: about,
    },
    {
      query: `mutation Start($input: InferenceInput!) {
  startInference(input: $input) { jobId status sequence createdAt audience { owner } }
}
`,
      variables: JSON.stringify({ input }, null, 2),
    },
    {
      query: `query Log($jobId: ID!, $after: Int) {
  inferenceEvents(jobId: $jobId, after: $after, limit: 1000) { sequence status attempt progress delta }
}
`,
      variables: about,
    },
    {
      query: `query Jobs {
  listInferences(limit: 10) { items { jobId model status sequence createdAt endTime } nextToken }
}
`,
      variables: "{}",
    },
  ];
}
