import type { JobView } from "longcall";
import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { useLanguage } from "../language/Language.tsx";
import type { Configuration } from "../session/configuration.ts";
import { useSession } from "../session/Session.tsx";
import { useConfirm } from "../shared/Confirm.tsx";
import { CopyButton } from "../shared/CopyButton.tsx";
import { messageOf } from "../shared/Failure.tsx";
import { Icon } from "../shared/Icon.tsx";
import { useKeys } from "../shared/useKeys.ts";

/** What can be done with a job. */
export function Actions({ view }: { readonly view: JobView }): ReactNode {
  const { t } = useLanguage();
  const { client, jobs, configuration } = useSession();
  const [, navigate] = useLocation();
  const [error, setError] = useState<unknown>(null);
  const confirm = useConfirm();
  const { jobId } = view;
  const hasEnded = view.endTime !== null;
  const cancel = (): void => {
    confirm.ask(t.jobs.confirmCancel(jobId.slice(0, 8)), () => {
      client.cancel(jobId).then((event) => jobs.merge(event), setError);
    });
  };
  const remove = (): void => {
    confirm.ask(t.actions.confirmDelete, () => {
      client.delete(jobId).then(() => {
        jobs.remove(jobId);
        navigate("/");
      }, setError);
    });
  };
  useKeys({ c: () => !hasEnded && cancel(), n: () => navigate("/start") });
  return (
    <div className="actions">
      {error !== null && (
        <span className="refused" role="alert">
          {messageOf(error)}
        </span>
      )}
      <CopyButton text={() => jobId} label={t.actions.copyId} />
      <CopyButton text={() => commandOf(jobId, configuration)} label={t.actions.copyCommand} />
      <CopyButton text={() => codeOf(jobId, configuration)} label={t.actions.copyCode} />
      <button type="button" onClick={() => navigate(`/start?from=${jobId}&model=${encodeURIComponent(view.model)}`)}>
        <Icon name="refresh" />
        {t.actions.runAgain}
      </button>
      {hasEnded ? (
        <button type="button" onClick={remove}>
          <Icon name="trash" />
          {t.actions.delete}
        </button>
      ) : (
        <button type="button" className="danger" onClick={cancel}>
          <Icon name="stop" />
          {t.actions.cancel}
        </button>
      )}
      {confirm.dialog}
    </div>
  );
}

/** The command that shows the same job in a terminal. */
export function commandOf(jobId: string, { target }: Pick<Configuration, "target">): string {
  return `longcall watch ${jobId}${target === "aws" ? " --target aws" : ""}`;
}

/** TypeScript that follows the same job. */
export function codeOf(jobId: string, { graphqlUrl }: Pick<Configuration, "graphqlUrl">): string {
  return `import { createClient, lambdaToken } from "longcall";

const client = createClient({
  graphqlUrl: ${JSON.stringify(graphqlUrl)},
  authorization: lambdaToken(() => token), // an access token of the user pool
});
for await (const { status, output } of client.watch(${JSON.stringify(jobId)})) {
  console.log(status, output);
}
`;
}
