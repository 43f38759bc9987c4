import { extensions, util } from "@aws-appsync/utils";

export function request(ctx) {
  return { payload: null };
}

export function response(ctx) {
  // In Cognito mode the identity has the claim; the Lambda authorizer returns it in its resolver context.
  const owner = ctx.identity.resolverContext ? ctx.identity.resolverContext.sub : ctx.identity.sub;
  if (!owner) util.unauthorized();
  // See onInferenceStatusChange for why not `owner`.
  const own = { "audience.owner": { eq: owner } };
  // A running job is pushed when a worker claims it, and not for each piece of its output.
  const filter = {
    or: [
      { ...own, status: { in: ["PENDING", "COMPLETED", "FAILED", "CANCELLED"] } },
      { ...own, claimed: { eq: true } },
    ],
  };
  extensions.setSubscriptionFilter(util.transform.toSubscriptionFilter(filter));
  return null;
}
