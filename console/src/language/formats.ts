/** Formats of one language. All times are in the time zone of the browser. */
export class Formats {
  readonly #language: string;
  readonly #time: Intl.DateTimeFormat;
  readonly #moment: Intl.DateTimeFormat;
  readonly #relative: Intl.RelativeTimeFormat;
  readonly #number: Intl.NumberFormat;
  readonly #numbers = new Map<string, Intl.NumberFormat>(); // by their options; making one takes longer than using it

  constructor(language: string) {
    this.#language = language;
    this.#time = new Intl.DateTimeFormat(language, {
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      fractionalSecondDigits: 3,
      hourCycle: "h23",
    });
    this.#moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
    this.#relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
    this.#number = new Intl.NumberFormat(language);
  }

  /** The time of day, with milliseconds. */
  time(at: string | number | null): string {
    return at === null ? "–" : this.#time.format(new Date(at));
  }

  /** Day and time. */
  moment(at: string | null): string {
    return at === null ? "–" : this.#moment.format(new Date(at));
  }

  /** How long ago something was. */
  ago(at: string | null, now: number): string {
    if (at === null) return "–";
    const seconds = Math.min(0, (Date.parse(at) - now) / 1000);
    if (seconds > -60) return this.#relative.format(Math.round(seconds), "second");
    if (seconds > -3600) return this.#relative.format(Math.round(seconds / 60), "minute");
    if (seconds > -86_400) return this.#relative.format(Math.round(seconds / 3600), "hour");
    return this.#relative.format(Math.round(seconds / 86_400), "day");
  }

  /** A length of time in milliseconds, such as `12.3 s`. */
  duration(milliseconds: number): string {
    const shown = (value: number, digits: number, unit: string): string =>
      this.#formatted(value, {
        style: "unit",
        unit,
        unitDisplay: "narrow",
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      });
    if (milliseconds < 1000) return shown(Math.max(0, Math.round(milliseconds)), 0, "millisecond");
    const seconds = milliseconds / 1000;
    if (seconds < 60) return shown(seconds, seconds < 10 ? 2 : 1, "second");
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return `${shown(minutes, 0, "minute")} ${shown(Math.floor(seconds % 60), 0, "second")}`;
    return `${shown(Math.floor(minutes / 60), 0, "hour")} ${shown(minutes % 60, 0, "minute")}`;
  }

  /** A moment of an axis: as `duration`, without zeros at the end of its decimals. */
  tick(milliseconds: number): string {
    return this.duration(milliseconds).replace(/([.,]\d*?)0+(?=\D|$)/, (_, decimals: string) =>
      decimals.length === 1 ? "" : decimals,
    );
  }

  /** An amount of money, to the digits that matter for small amounts. */
  money(amount: number, currency: string): string {
    const small = amount !== 0 && Math.abs(amount) < 0.01;
    return this.#formatted(amount, {
      style: "currency",
      currency,
      ...(small ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 4 }),
    });
  }

  number(value: number): string {
    return this.#number.format(value);
  }

  /** A size in bytes. */
  bytes(count: number): string {
    if (count < 1000) return `${this.number(count)} B`;
    if (count < 1_000_000) return `${this.number(Math.round(count / 100) / 10)} kB`;
    return `${this.number(Math.round(count / 100_000) / 10)} MB`;
  }

  percent(share: number): string {
    return this.#formatted(share, { style: "percent" });
  }

  #formatted(value: number, options: Intl.NumberFormatOptions): string {
    const key = Object.values(options).join(" ");
    const format = this.#numbers.get(key) ?? new Intl.NumberFormat(this.#language, options);
    this.#numbers.set(key, format);
    return format.format(value);
  }
}
