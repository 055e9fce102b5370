/** Sentences, numbers and times in the reader's language. The sentences stand in `web/messages`, the page brings its own. */

import type english from "../../messages/en.json";

type Sections = typeof english;
type Keys<Section extends keyof Sections> = keyof Sections[Section] & string;
type Forms<Key extends string> = Key extends `${infer Name}.${"one" | "few" | "many" | "other"}` ? Name : never;

/** The sentences of these sections of `web/messages`. */
export type Key = Keys<"voter"> | Keys<"booth"> | Keys<"my"> | Keys<"track"> | Keys<"banner"> | Keys<"trustee">;

/** Sentences with a number, without the name of their plural form. */
export type Counted = Forms<Key>;

export type Values = Readonly<Record<string, string | number>>;

export class Words {
  readonly language: string;
  readonly #messages: Readonly<Record<string, string>>;
  readonly #plural: Intl.PluralRules;
  readonly #number: Intl.NumberFormat;

  constructor(messages: Readonly<Record<string, string>>, language: string) {
    this.language = language;
    this.#messages = messages;
    this.#plural = new Intl.PluralRules(language);
    this.#number = new Intl.NumberFormat(language);
  }

  /** The sentence, with `{name}` replaced by values. */
  say(key: Key, values: Values = {}): string {
    return this.#filled(key, values);
  }

  /** The form of the sentence that fits this number, which is `{num}` in it. */
  count(name: Counted, number: number, values: Values = {}): string {
    const form = `${name}.${this.#plural.select(number)}`;
    return this.#filled(form in this.#messages ? form : `${name}.other`, { num: number, ...values });
  }

  number(value: number): string {
    return this.#number.format(value);
  }

  /**
   * A moment, seconds after 1970, by the clock of the zone, and how far that is from UTC: as the pages of the server say it. By UTC,
   * and saying so, where this browser does not know the zone.
   */
  moment(seconds: number, zone: string): string {
    try {
      return this.#moment(seconds, zone);
    } catch (error) {
      if (error instanceof RangeError && zone !== "UTC") return this.#moment(seconds, "UTC");
      throw error;
    }
  }

  #moment(seconds: number, zone: string): string {
    const moment = new Date(seconds * 1000);
    const form = { dateStyle: "long", timeStyle: "short", timeZone: zone } as const;
    const written = new Intl.DateTimeFormat(this.language, form).format(moment);
    const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "shortOffset" }).formatToParts(moment);
    const offset = parts.find(({ type }) => type === "timeZoneName")?.value ?? zone;
    return `${written} (${offset.replace("GMT", "UTC")})`;
  }

  /** An amount in minor units of a currency. */
  money(amount: number, currency: string | null): string {
    if (currency === null) return this.number(amount);
    const form = new Intl.NumberFormat(this.language, { style: "currency", currency, trailingZeroDisplay: "stripIfInteger" });
    return form.format(amount / 10 ** (form.resolvedOptions().maximumFractionDigits ?? 2));
  }

  list(names: readonly string[]): string {
    return new Intl.ListFormat(this.language, { type: "conjunction" }).format(names);
  }

  /** A title that is given in several languages, in ours, or English, or whichever there is. */
  title(texts: Readonly<Record<string, string>>): string {
    return texts[this.language] ?? texts.en ?? Object.values(texts)[0] ?? "";
  }

  #filled(key: string, values: Values): string {
    const found = this.#messages[key] ?? key;
    return found.replace(/\{([a-z]+)\}/g, (whole, name: string) => {
      const value = values[name];
      if (value === undefined) return whole;
      return typeof value === "number" ? this.number(value) : value;
    });
  }
}
