/**
 * Strict JSON on bytes: one text per value, or `Malformed`. docs/protocol.md section 3; the same bytes as crypto/canonical_json.py.
 *
 * JavaScript moves fields named like a number to the front of an object; no record of ours has such a field, and one that has is
 * refused here, so that the order read is always the order written. Whole numbers beyond 2^53 are `bigint`.
 */

import { utf8, utf8Text } from "./bytes.ts";
import { ElectionError, Malformed } from "./errors.ts";

export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

export const MAX_DEPTH = 16;
export const MAX_BYTES = 256 * 1024 * 1024;

const SURROGATE = /[\ud800-\udfff]/u;
const LIKE_A_NUMBER = /^(?:0|[1-9][0-9]{0,9})$/;
const MAX_DIGITS = 4300;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** The canonical text of `value`: compact, `\u00xx` in lower case for control characters and 0x7f. Throws Malformed. */
export function dumps(value: Json): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return quoted(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new Malformed("not-canonical", "a number that is not whole, or too large to be exact");
    return value === 0 ? "0" : String(value);
  }
  if (isArray(value)) return `[${value.map(dumps).join(",")}]`;
  return `{${Object.entries(value).map(([name, one]) => `${named(name)}:${dumps(one)}`).join(",")}}`;
}

/** The canonical bytes of `value`. Throws Malformed. */
export function encode(value: Json): Uint8Array {
  return utf8(dumps(value));
}

/**
 * The value of a strict JSON text, which may hold white space and any field order. Throws Malformed `not-json`: more than `limit`
 * bytes, invalid UTF-8, a byte order mark, doubled keys, numbers that are not whole, more than 16 levels, anything after the end.
 */
export function parse(data: Uint8Array, limit: number = MAX_BYTES): Json {
  if (data.length > limit) throw new Malformed("not-json", `${data.length} bytes where at most ${limit} are allowed`);
  let text: string;
  try {
    text = utf8Text(data);
  } catch (error) {
    if (error instanceof ElectionError) throw new Malformed("not-json", error.message);
    throw error;
  }
  return new Reader(text).whole();
}

/** The value of `data`, whose bytes are exactly `encode(value)`; else Malformed `not-canonical`. */
export function parseCanonical(data: Uint8Array, limit: number = MAX_BYTES): Json {
  const value = parse(data, limit);
  const again = encode(value);
  if (again.length !== data.length || again.some((byte, at) => byte !== data[at])) {
    const first = again.findIndex((byte, at) => byte !== data[at]);
    const at = first < 0 ? Math.min(again.length, data.length) : first;
    throw new Malformed("not-canonical", `not in the one canonical form (first difference at byte ${at})`);
  }
  return value;
}

/** `value` as an object with exactly these fields, in this order (`required` names all, `optional` those that may be absent). */
export function fields<Name extends string, Optional extends Name = never>(
  value: Json | undefined,
  required: readonly Name[],
  optional: readonly Optional[] = [],
): { readonly [name in Exclude<Name, Optional>]: Json } & { readonly [name in Optional]?: Json } {
  const found = object(value);
  const names = Object.keys(found);
  const expected = required.filter((name) => !(optional as readonly string[]).includes(name) || Object.hasOwn(found, name));
  if (names.length !== expected.length || names.some((name, at) => name !== expected[at])) {
    const shown = names.slice(0, 12).map((name) => name.slice(0, 40)).join(", ");
    throw new Malformed("wrong-fields", `fields ${required.join(", ")} were expected, found ${shown || "none"}`);
  }
  return found as { readonly [name in Exclude<Name, Optional>]: Json } & { readonly [name in Optional]?: Json };
}

/** `value` as an object with whatever fields. */
export function object(value: Json | undefined): JsonObject {
  if (typeof value !== "object" || value === null || isArray(value)) throw new Malformed("wrong-fields", "an object was expected");
  return value;
}

export function text(value: Json | undefined): string {
  if (typeof value !== "string") throw new Malformed("wrong-type", "a string was expected");
  return value;
}

/** `value` as a whole number of `least`..`most`; true and false are no numbers. */
export function integer(value: Json | undefined, least = 0, most: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least || value > most) {
    throw new Malformed("wrong-type", `a whole number from ${least} to ${most} was expected`);
  }
  return value;
}

export function boolean(value: Json | undefined): boolean {
  if (typeof value !== "boolean") throw new Malformed("wrong-type", "true or false was expected");
  return value;
}

/** `value` as a list, of `length` items when given. */
export function array(value: Json | undefined, length?: number): readonly Json[] {
  if (value === undefined || !isArray(value)) throw new Malformed("wrong-type", "a list was expected");
  if (length !== undefined && value.length !== length) {
    throw new Malformed("wrong-length", `a list of ${length} was expected, found ${value.length}`);
  }
  return value;
}

/** `value` as a SHA-256 in 64 lower-case hexadecimal digits. */
export function digest(value: Json | undefined): string {
  if (typeof value !== "string" || !/^[0-9a-f]{64}$/.test(value)) {
    throw new Malformed("wrong-type", "64 lower-case hexadecimal digits were expected");
  }
  return value;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function named(name: string): string {
  if (LIKE_A_NUMBER.test(name)) throw new Malformed("not-canonical", "a field named like a number has no place of its own");
  return quoted(name);
}

function quoted(value: string): string {
  if (SURROGATE.test(value)) throw new Malformed("not-canonical", "a text holds half a surrogate pair, which is no character");
  return JSON.stringify(value).replaceAll("\x7f", "\\u007f");
}

class Reader {
  readonly #text: string;
  #at = 0;
  #half = false;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Json {
    const value = this.#value(0);
    this.#space();
    if (this.#at !== this.#text.length) throw this.#wrong();
    if (this.#half) throw new Malformed("not-canonical", "a text holds half a surrogate pair, which is no character");
    return value;
  }

  #value(depth: number): Json {
    this.#space();
    const first = this.#text[this.#at];
    if (first === '"') return this.#string();
    if (first === "{" || first === "[") {
      if (depth >= MAX_DEPTH) throw new Malformed("not-json", `more than ${MAX_DEPTH} levels of lists and objects`);
      this.#at += 1;
      return first === "{" ? this.#object(depth + 1) : this.#array(depth + 1);
    }
    for (const [word, value] of [["true", true], ["false", false], ["null", null]] as const) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    return this.#number();
  }

  #array(depth: number): Json {
    const items: Json[] = [];
    if (this.#take("]")) return items;
    for (;;) {
      items.push(this.#value(depth));
      if (this.#take("]")) return items;
      if (!this.#take(",")) throw this.#wrong();
    }
  }

  #object(depth: number): Json {
    // Without a prototype `__proto__` is a name like any other.
    const found: Record<string, Json> = Object.create(null) as Record<string, Json>;
    if (this.#take("}")) return found;
    for (;;) {
      this.#space();
      const name = this.#string();
      if (name in found || LIKE_A_NUMBER.test(name)) throw this.#wrong();
      if (!this.#take(":")) throw this.#wrong();
      found[name] = this.#value(depth);
      if (this.#take("}")) return found;
      if (!this.#take(",")) throw this.#wrong();
    }
  }

  #string(): string {
    if (this.#text[this.#at] !== '"') throw this.#wrong();
    const start = this.#at;
    this.#at += 1;
    // Each piece is read once and never again: no text makes this slower than its length.
    for (;;) {
      PLAIN.lastIndex = this.#at;
      PLAIN.test(this.#text);
      this.#at = PLAIN.lastIndex;
      if (this.#text[this.#at] === '"') break;
      ESCAPE.lastIndex = this.#at;
      if (!ESCAPE.test(this.#text)) throw this.#wrong();
      this.#at = ESCAPE.lastIndex;
    }
    this.#at += 1;
    const value = JSON.parse(this.#text.slice(start, this.#at)) as string;
    if (SURROGATE.test(value)) this.#half = true;
    return value;
  }

  #number(): number | bigint {
    const form = /-?(?:0|[1-9][0-9]*)(?![0-9.eE])/y;
    form.lastIndex = this.#at;
    const written = form.exec(this.#text)?.[0];
    if (written === undefined || written === "-0" || written.length > MAX_DIGITS) throw this.#wrong();
    this.#at = form.lastIndex;
    const value = Number(written);
    return Number.isSafeInteger(value) ? value : BigInt(written);
  }

  #space(): void {
    while (" \t\n\r".includes(this.#text[this.#at] ?? "x")) this.#at += 1;
  }

  #take(character: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #wrong(): Malformed {
    return new Malformed("not-json", `not JSON from character ${this.#at + 1} on, or cut short`);
  }
}
