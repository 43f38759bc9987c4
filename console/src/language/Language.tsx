import { createContext, type ReactNode, use, useEffect, useMemo, useState } from "react";
import { en, type Texts } from "./en.ts";
import { Formats } from "./formats.ts";
import { ja } from "./ja.ts";

export const LANGUAGES: Readonly<Record<string, Texts>> = { en, ja };
const KEY = "longcall.language";

interface Language {
  readonly code: string;
  readonly t: Texts;
  readonly format: Formats;
  readonly choose: (code: string) => void;
}

const Context = createContext<Language | null>(null);

/** The texts and formats of the chosen language. */
export function useLanguage(): Language {
  const language = use(Context);
  if (language === null) throw new Error("useLanguage needs a LanguageProvider above it");
  return language;
}

/** Provides the chosen language; by default the browser's, or English. */
export function LanguageProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const [code, choose] = useState(() => localStorage.getItem(KEY) ?? preferred(navigator.languages));
  const language = useMemo(
    () => ({ code, t: LANGUAGES[code] ?? en, format: new Formats(code in LANGUAGES ? code : "en"), choose }),
    [code],
  );
  useEffect(() => {
    document.documentElement.lang = code;
    localStorage.setItem(KEY, code);
  }, [code]);
  return <Context value={language}>{children}</Context>;
}

/** The first of the user's languages that there are texts for. */
function preferred(languages: readonly string[]): string {
  return languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES) ?? "en";
}
