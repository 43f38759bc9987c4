import { extensions, util } from "@aws-appsync/utils";

export function request(ctx) {
  return { payload: null };
}

export function response(ctx) {
  // Cognito mode has the claim itself; the Lambda authorizer puts it into its resolver context.
  const owner = ctx.identity.resolverContext ? ctx.identity.resolverContext.sub : ctx.identity.sub;
  if (!owner) util.unauthorized();
  // Argument filters end where an enhanced filter begins, so jobId has to stand here too.
  extensions.setSubscriptionFilter(
    util.transform.toSubscriptionFilter({ jobId: { eq: ctx.args.jobId }, owner: { eq: owner } }),
  );
  return null;
}
