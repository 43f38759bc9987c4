import type { ReactNode } from "react";
import { useLanguage } from "../language/Language.tsx";

/** How much of a job is done. Without a known share, a bar that moves while the job runs. */
export function Progress(props: { readonly share: number | null; readonly isRunning: boolean }): ReactNode {
  const { t, format } = useLanguage();
  if (props.share === null && !props.isRunning) return null;
  return (
    <progress
      aria-label={t.job.progress}
      {...(props.share !== null && { value: props.share })}
      title={props.share === null ? undefined : format.percent(props.share)}
    />
  );
}
