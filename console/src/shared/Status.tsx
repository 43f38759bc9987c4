import type { ReactNode } from "react";
import { useLanguage } from "../language/Language.tsx";

/** A job's status. A status that this version does not know is shown as text. */
export function Status({ status }: { readonly status: string }): ReactNode {
  const { t } = useLanguage();
  return (
    <span className="status" data-status={status}>
      {t.status[status] ?? status}
    </span>
  );
}
