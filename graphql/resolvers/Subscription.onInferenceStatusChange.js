import { extensions, util } from "@aws-appsync/utils";

export function request(ctx) {
  return { payload: null };
}

export function response(ctx) {
  // In Cognito mode the identity has the claim; the Lambda authorizer returns it in its resolver context.
  const owner = ctx.identity.resolverContext ? ctx.identity.resolverContext.sub : ctx.identity.sub;
  if (!owner) util.unauthorized();
  const jobId = ctx.args.jobId.toLowerCase(); // as the log spells ids
  if (!util.matches("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", jobId)) {
    util.error("jobId must be a UUID with hyphens, such as 7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11", "InvalidRequest");
  }
  // An enhanced filter replaces the argument filter, so it must contain jobId too. It reads what the mutation selected,
  // by the names in the answer, which a caller can change with aliases: `owner: jobId`. So the owner is compared in an
  // object that has no other field.
  const filter = { jobId: { eq: jobId }, "audience.owner": { eq: owner } };
  extensions.setSubscriptionFilter(util.transform.toSubscriptionFilter(filter));
  return null;
}
