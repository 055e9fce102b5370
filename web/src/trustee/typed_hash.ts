/** Hashes that a person types in, as another one reads them aloud or as they stand on paper. */

import { latin } from "../ballot/credential.ts";

export const DIGITS = 64;
const GROUP = 8;

/** How a hash that was typed compares with the one that this page has. */
export type Heard =
  | { readonly kind: "same" }
  | { readonly kind: "nothing" }
  /** So many of the signs that a hash is made of. */
  | { readonly kind: "unfit"; readonly found: number }
  /** Which groups of eight are not the same, counted from 1. */
  | { readonly kind: "other"; readonly groups: readonly number[] };

/** Without blanks and dashes, in small letters; Cyrillic letters that look like Latin ones are these. */
export function plain(typed: string): string {
  return latin(typed).replace(/[\s-]/g, "").toLowerCase();
}

export function compareHeard(hash: string, typed: string): Heard {
  const heard = plain(typed);
  if (heard === "") return { kind: "nothing" };
  if (!/^[0-9a-f]{64}$/.test(heard)) return { kind: "unfit", found: heard.replace(/[^0-9a-f]/g, "").length };
  if (heard === hash) return { kind: "same" };
  const mine = groups(hash);
  return { kind: "other", groups: groups(heard).flatMap((one, at) => (one === mine[at] ? [] : [at + 1])) };
}

/** As people read it aloud: in groups of eight. */
export function grouped(hash: string): string {
  return groups(hash).join(" ");
}

function groups(hash: string): readonly string[] {
  return hash.match(new RegExp(`.{1,${GROUP}}`, "g")) ?? [];
}
