/** Voter codes and the keys made from them. docs/protocol.md section 4.3; the same rules as ballot/credential.py. */

import { bigEndian, concat, sha256, utf8 } from "../crypto/bytes.ts";
import { Malformed } from "../crypto/errors.ts";
import { G, Point } from "../crypto/group.ts";
import { fromWideDigest, type Scalar } from "../crypto/scalar.ts";

/** Base58: no 0, O, I or l, which people take for one another. */
export const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

export const GROUPS: readonly number[] = [5, 6, 5, 6];
const LENGTH = 22;
const TYPED_AT_MOST = 400;

// Cyrillic letters that look exactly like one Latin letter. Never more than that, and never another case: в is no B, and a wrong
// guess would blame the voter.
const CYRILLIC = "АВСЕНКМОРТХУЅІЈаеорсухѕіј";
const LATIN = "ABCEHKMOPTXYSIJaeopcyxsij";
const LOOK_ALIKE: ReadonlyMap<string, string> = new Map([...CYRILLIC].map((one, at) => [one, LATIN[at] as string]));

// White space as Python's str.isspace has it, every dash, and characters that nobody sees.
const SEPARATOR = /[\s\u001c-\u001f\u0085\p{Pd}\u00ad\u200b-\u200d\u2060\ufeff\u2212]/u;

/** What a voter's code is in one election. `secret` never leaves the page but as a signature. */
export interface Credential {
  readonly publicText: string;
  readonly point: Point;
  readonly secret: Scalar;
}

/**
 * The code in its one written form `5-6-5-6`, from what a person types or pastes: blanks and dashes may stand anywhere.
 *
 * Check characters are not tested (see `wrongGroups`). Throws Malformed `code-malformed`, which never shows the code.
 */
export function parseCode(typed: string): string {
  const found = characters(typed);
  const groups: string[] = [];
  let at = 0;
  for (const length of GROUPS) {
    groups.push(found.slice(at, at + length).join(""));
    at += length;
  }
  return groups.join("-");
}

/**
 * The groups, from 1, whose last character is not ours: where a typing error probably is.
 *
 * Ask only when the code's public credential is not listed: codes made by other tools have no check characters.
 */
export function wrongGroups(code: string): number[] {
  const groups = parseCode(code).split("-");
  return groups.flatMap((group, at) => (checkCharacter(at + 1, group.slice(0, -1)) === group.at(-1) ? [] : [at + 1]));
}

/** The secret of `code` in the election `uuid`: 512 bits of two SHA-256, mod q. Throws Malformed `code-malformed`. */
export function derive(code: string, uuid: string): Scalar {
  const dashed = parseCode(code);
  return fromWideDigest(concat(...[0, 1].map((half) => sha256(utf8(`derive_credential|${uuid}|${half}|${dashed}`)))));
}

/** What `code` is in the election `uuid`. Throws Malformed `code-malformed`. */
export async function deriveCredential(code: string, uuid: string): Promise<Credential> {
  const secret = derive(code, uuid);
  const point = G.multiply(secret);
  return { publicText: point.text(), point, secret };
}

/** base58[SHA-256("veche/v1/code|" ‖ number ‖ "|" ‖ the group's other characters) mod 58]. */
function checkCharacter(number: number, others: string): string {
  return ALPHABET[Number(bigEndian(sha256(utf8(`veche/v1/code|${number}|${others}`))) % 58n)] as string;
}

/** The text with every Cyrillic letter that looks exactly like one Latin letter as that letter. */
export function latin(typed: string): string {
  return [...typed].map((one) => LOOK_ALIKE.get(one) ?? one).join("");
}

function characters(typed: string): string[] {
  const all = [...typed];
  if (all.length > TYPED_AT_MOST) {
    throw new Malformed("code-malformed", `a voter code has ${LENGTH} characters; this text has ${all.length}`);
  }
  const found = all.filter((one) => !SEPARATOR.test(one)).map(latin);
  found.forEach((one, at) => {
    if (!ALPHABET.includes(one)) {
      throw new Malformed("code-malformed", `character ${at + 1} cannot stand in a voter code: ${whyNot(one)}`);
    }
  });
  if (found.length !== LENGTH) {
    throw new Malformed("code-malformed", `a voter code has ${LENGTH} characters besides blanks and dashes, not ${found.length}`);
  }
  return found;
}

function whyNot(one: string): string {
  if ("0OIl".includes(one)) {
    return "the digit 0 and the letters O, I and l are never used, because they are taken for one another";
  }
  if (one >= "\u0400" && one <= "\u04ff") return "a Cyrillic letter without a Latin look-alike; change the keyboard to Latin letters";
  return "only Latin letters and digits are used";
}
