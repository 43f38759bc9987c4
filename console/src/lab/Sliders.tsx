import { type ReactNode, useEffect, useRef, useState } from "react";
import { useLanguage } from "../language/Language.tsx";
import { messageOf } from "../shared/Failure.tsx";
import {
  CALM,
  type Chaos,
  FAULTS,
  HARSH,
  NAMES,
  parseSpec,
  readChaos,
  renderSpec,
  type Strengths,
  setChaos,
} from "./faults.ts";

const SETTLED = 200; // milliseconds after the last movement of a slider at which the stack takes it
const COUNTED = 1_500; // milliseconds between readings of the counts, which the stack does not push

/** The stack's faults as sliders. */
export function Sliders(): ReactNode {
  const { t, format } = useLanguage();
  const [chaos, setKnown] = useState<Chaos | null>(null);
  const [strengths, setStrengths] = useState<Strengths>(CALM);
  const [error, setError] = useState<unknown>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    readChaos().then((found) => {
      setKnown(found);
      setStrengths(parseSpec(found.spec));
    }, setError);
    const counting = setInterval(() => readChaos().then(setKnown, setError), COUNTED);
    return () => {
      clearInterval(counting);
      clearTimeout(timer.current);
    };
  }, []);
  const choose = (next: Strengths): void => {
    setStrengths(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setChaos(next).then(setKnown, setError), SETTLED);
  };
  if (error !== null && chaos === null) {
    return (
      <p className="banner" role="alert">
        <strong>{t.lab.unavailable}.</strong> {messageOf(error)}
      </p>
    );
  }
  return (
    <fieldset className="panel sliders" aria-label={t.lab.title}>
      <div className="grid">
        {NAMES.map((name) => {
          const value = strengths[name];
          const shown = name === "delay" ? format.duration(value * 1000) : format.percent(value);
          return (
            <label key={name}>
              <span>
                {t.lab.faults[name]} <b className="number">{shown}</b>
              </span>
              <input
                type="range"
                min={0}
                max={FAULTS[name].most}
                step={FAULTS[name].step}
                value={value}
                aria-valuetext={shown}
                onChange={(event) => choose({ ...strengths, [name]: Number(event.target.value) })}
              />
            </label>
          );
        })}
      </div>
      <div className="presets">
        <button type="button" onClick={() => choose(CALM)}>
          {t.lab.off}
        </button>
        <button type="button" onClick={() => choose(HARSH)}>
          {t.lab.harsh}
        </button>
        <code title={t.lab.applied}>{renderSpec(strengths) || "–"}</code>
        <span className="muted">
          {t.lab.counts}:{" "}
          {Object.entries(chaos?.counts ?? {})
            .map(([name, count]) => `${t.lab.faults[name]?.replace(/[,（].*/, "") ?? name} ${format.number(count)}`)
            .join(" · ") || "–"}
        </span>
      </div>
    </fieldset>
  );
}
