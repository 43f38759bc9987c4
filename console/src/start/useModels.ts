import type { Model } from "longcall/models";
import { useEffect, useState } from "react";
import { useSession } from "../session/Session.tsx";

/** The models that the API runs; none until they are known. Without them, the form takes any name and every option. */
export function useModels(): readonly Model[] {
  const { models } = useSession();
  const [known, setKnown] = useState<readonly Model[]>([]);
  useEffect(() => {
    let isCurrent = true;
    models().then(
      (found) => isCurrent && setKnown(found),
      () => undefined,
    );
    return () => {
      isCurrent = false;
    };
  }, [models]);
  return known;
}

/** The model of a name: by the name itself, or else by a pattern, in which `*` stands for any characters. */
export function modelOf(models: readonly Model[], name: string): Model | undefined {
  return models.find((it) => it.name === name) ?? models.find((it) => it.pattern !== null && matches(it.pattern, name));
}

function matches(pattern: string, name: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return name !== "" && new RegExp(`^${parts.join(".*")}$`).test(name);
}
