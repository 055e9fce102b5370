/** What is wrong with a code that was typed, as a message that names the group to look at again. */

import { GROUPS, parseCode } from "../ballot/credential.ts";
import { ElectionError } from "../crypto/errors.ts";
import type { Key, Values } from "./words.ts";

/** A message of the page with its values. */
export interface Said {
  readonly key: Key;
  readonly values: Values;
}

/** The code in its one form, or what to say. */
export function readCode(typed: string): { readonly code: string } | { readonly said: Said } {
  if (typed.trim() === "") return { said: { key: "code-empty", values: {} } };
  try {
    return { code: parseCode(typed) };
  } catch (error) {
    if (!(error instanceof ElectionError)) throw error;
    return { said: describe(error.message) };
  }
}

/**
 * A code that came with the address, and the contest that it was to open, if one is named: `CODE/UUID`. `receipt`: the same page in
 * another language showed this contest's receipt: `CODE/UUID/receipt`.
 */
export interface Scanned {
  readonly code: string;
  readonly uuid: string | null;
  readonly receipt: boolean;
}

/** What the fragment of an address says; null where it is empty. */
export function codeInFragment(fragment: string): Scanned | null {
  if (fragment === "" || fragment.length > 600) return null;
  const [code = "", uuid, then] = decoded(fragment).split("/", 3);
  return { code, uuid: uuid ?? null, receipt: then === "receipt" };
}

function decoded(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

function describe(message: string): Said {
  const place = /^character (\d+) /.exec(message)?.[1];
  if (place !== undefined) {
    const group = groupOf(Number(place));
    if (message.includes("never used")) return { key: "code-never-used", values: { group } };
    return { key: message.includes("Cyrillic") ? "code-cyrillic" : "code-character", values: { group } };
  }
  const found = /(?:, not|text has) (\d+)$/.exec(message)?.[1] ?? "0";
  return { key: "code-length", values: { found: Number(found) } };
}

/** In which group, from 1, the character at this place stands; a text that is too long goes on in the last one. */
function groupOf(place: number): number {
  let end = 0;
  const at = GROUPS.findIndex((length) => {
    end += length;
    return place <= end;
  });
  return at < 0 ? GROUPS.length : at + 1;
}
