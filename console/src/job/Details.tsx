import type { Cost, JobView } from "longcall";
import type { ReactNode } from "react";
import { useLanguage } from "../language/Language.tsx";
import { Icon } from "../shared/Icon.tsx";
import { JsonTree } from "./JsonTree.tsx";
import { textOf } from "./Output.tsx";

/** Everything about a job but its output and its events: failure, result, facts, usage and bill. */
export function Details({ view }: { readonly view: JobView }): ReactNode {
  const { t, format } = useLanguage();
  const { facts } = t.job;
  const hasOtherResult = view.result !== null && view.result !== textOf(view);
  return (
    <section className="panel details" aria-label={t.job.details}>
      {view.error !== null && (
        <div className="failed" role="alert">
          <Icon name="alert" />
          <div>
            <code>{view.errorType}</code>
            <p>{view.error}</p>
            {view.errorType !== null && <p className="advice">{t.advice[view.errorType]}</p>}
          </div>
        </div>
      )}
      <dl>
        <Fact name={facts.created} value={format.moment(view.createdAt)} />
        <Fact name={facts.started} value={format.moment(view.startTime)} />
        <Fact name={facts.ended} value={format.moment(view.endTime)} />
        <Fact name={facts.attempts} value={format.number(view.attempt)} />
        <Fact name={facts.events} value={format.number(view.sequence)} />
        {view.message !== null && <Fact name={t.job.message} value={view.message} />}
      </dl>
      {hasOtherResult && (
        <details className="part">
          <summary>{t.job.result}</summary>
          <pre>{view.result}</pre>
        </details>
      )}
      {isFilled(view.usage) && (
        <dl>
          {Object.entries(view.usage as Record<string, unknown>).map(([name, value]) => (
            <Fact key={name} name={name} value={typeof value === "number" ? format.number(value) : String(value)} />
          ))}
        </dl>
      )}
      {view.metadata !== null && (
        <details className="part" open>
          <summary>{t.job.metadata}</summary>
          <div className="json">
            <JsonTree value={view.metadata} isOpen />
          </div>
        </details>
      )}
      {view.cost === null ? <p className="muted">{t.job.billPending}</p> : <Bill cost={view.cost} title={t.job.bill} />}
    </section>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }): ReactNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function isFilled(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
}

/** An itemised cost: a bill, or a quote. */
export function Bill({ cost, title }: { readonly cost: Cost; readonly title: string }): ReactNode {
  const { t, format } = useLanguage();
  const { currency } = cost;
  return (
    <details className="part bill">
      <summary>
        {title} <b>{format.money(cost.total, currency)}</b>
      </summary>
      <div className="wide">
        <table>
          <thead>
            <tr>
              <th scope="col" />
              <th scope="col">{t.job.quantity}</th>
              <th scope="col">{t.job.price}</th>
              <th scope="col">{t.job.amount}</th>
            </tr>
          </thead>
          <tbody>
            {cost.items.map(({ name, quantity, unit, price, amount }) => (
              <tr key={`${name} ${unit}`}>
                <th scope="row">{name}</th>
                <td>
                  {format.number(quantity)} {unit}
                </td>
                <td>{format.money(price, currency)}</td>
                <td>{format.money(amount, currency)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="muted">{t.job.billOf(cost.pricesOf)}</p>
      {cost.notes.map((note) => (
        <p key={note} className="muted">
          {note}
        </p>
      ))}
    </details>
  );
}
