import { extensions, util } from "@aws-appsync/utils";

export function request(ctx) {
  return { payload: null };
}

export function response(ctx) {
  // In Cognito mode the identity has the claim; the Lambda authorizer returns it in its resolver context.
  const owner = ctx.identity.resolverContext ? ctx.identity.resolverContext.sub : ctx.identity.sub;
  if (!owner) util.unauthorized();
  // An enhanced filter replaces the argument filter, so it must contain jobId too.
  extensions.setSubscriptionFilter(
    util.transform.toSubscriptionFilter({ jobId: { eq: ctx.args.jobId }, owner: { eq: owner } }),
  );
  return null;
}
