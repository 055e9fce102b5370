/**
 * Signed notes and verifier keys. docs/protocol.md section 8.6; C2SP signed-note 1.0. Reading and checking only: no key of a log
 * or witness is ever in a browser.
 */

import { base64, concat, fromBase64, hex, littleEndian, sameBytes, sha256, sha512, utf8, utf8Text } from "./bytes.ts";
import { ElectionError, InvalidSignature, Malformed } from "./errors.ts";
import { G, Point } from "./group.ts";
import { Q, reduce } from "./scalar.ts";

export const ED25519 = 1;
/** Ed25519 with a time: `cosignature/v1`. */
export const COSIGNATURE = 4;
/** ML-DSA-44 with a time: such lines are carried, and not checked in a browser. */
export const ML_DSA_44 = 6;

const MAX_BYTES = 1_000_000;
const MAX_LINES = 64;
const CONTROL = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/;
const MARK = "\u2014 ";

/** A public key with its name; `text` is the vkey form `NAME+HEXID+BASE64`. */
export interface VerifierKey {
  readonly name: string;
  readonly kind: number;
  readonly key: Uint8Array;
  readonly id: string;
  readonly text: string;
}

/** A signature line as read; `id` is the key ID in hex. */
export interface NoteLine {
  readonly name: string;
  readonly id: string;
  readonly signature: Uint8Array;
}

/** A note as read: nothing is verified yet. */
export interface Note {
  readonly text: string;
  readonly lines: readonly NoteLine[];
}

/** The key written as a vkey. Throws Malformed: bad name, key ID that does not belong to the key, not strict base64. */
export function parseVerifierKey(text: string): VerifierKey {
  const found = /^([^+]*)\+([^+]*)\+(.*)$/s.exec(text);
  if (found === null) throw new Malformed("vkey-malformed", "a verifier key is written NAME+ID+KEY");
  const [name, written, encoded] = found.slice(1) as [string, string, string];
  verifyName(name);
  const data = fromBase64(encoded);
  const kind = data[0];
  if (kind === undefined || data.length < 2 || (kind === ED25519 && data.length !== 33)) {
    throw new Malformed("vkey-malformed", `the key of ${name} has ${data.length} bytes; an Ed25519 key has 33 with its type`);
  }
  const id = hex(sha256(utf8(`${name}\n`), data).slice(0, 4));
  if (id !== written) throw new Malformed("vkey-malformed", `the key ID of ${name} should be ${id}, found ${written.slice(0, 16)}`);
  return { name, kind, key: data.slice(1), id, text };
}

/** The note in `data`. Throws Malformed `note-malformed`: not UTF-8, control characters, no last newline, no signature lines. */
export function parseNote(data: Uint8Array): Note {
  if (data.length > MAX_BYTES) throw malformed(`a note of ${data.length} bytes; at most ${MAX_BYTES} are read`);
  let whole: string;
  try {
    whole = utf8Text(data);
  } catch (error) {
    if (error instanceof ElectionError) throw malformed(error.message);
    throw error;
  }
  if (CONTROL.test(whole)) throw malformed("a note holds no control characters but newlines");
  const split = whole.lastIndexOf("\n\n");
  const lines = whole.slice(split + 2).split("\n");
  if (split < 1 || lines.at(-1) !== "" || lines.length < 2 || lines.length > MAX_LINES + 1) {
    throw malformed("a note is a text, an empty line, and signature lines that end in a newline");
  }
  return { text: whole.slice(0, split + 1), lines: lines.slice(0, -1).map(parseLine) };
}

/** One signature line without its newline. Throws Malformed. */
export function parseLine(line: string): NoteLine {
  const parts = line.slice(MARK.length).split(" ");
  const [name, encoded] = parts;
  if (!line.startsWith(MARK) || parts.length !== 2 || name === undefined || encoded === undefined) {
    throw malformed("a signature line is written: dash, space, key name, space, base64");
  }
  verifyName(name);
  const data = fromBase64(encoded);
  if (data.length < 5) throw malformed(`the signature line of ${name} is too short`);
  return { name, id: hex(data.slice(0, 4)), signature: data.slice(4) };
}

/** The line, without a newline, that reads as this one. */
export function writtenLine(line: NoteLine): string {
  return `${MARK}${line.name} ${base64(concat(Uint8Array.from(line.id.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)), line.signature))}`;
}

/** The known Ed25519 keys that signed `note`. Throws InvalidSignature: a known key's line is wrong, or there is none. */
export function verifyNote(note: Note, keys: readonly VerifierKey[]): VerifierKey[] {
  const signed: VerifierKey[] = [];
  for (const line of note.lines) {
    for (const key of keys) {
      if (key.name === line.name && key.id === line.id && key.kind === ED25519) {
        verifyMessage(key, utf8(note.text), line.signature);
        signed.push(key);
      }
    }
  }
  if (signed.length === 0) throw new InvalidSignature("note-unknown-key", "no known key has signed this note");
  return signed;
}

/** Check that `line` (without newline) is `key`'s Ed25519 signature of `text`. Throws Malformed or InvalidSignature. */
export function verifyLine(key: VerifierKey, text: string, line: string): void {
  const { name, id, signature } = parseLine(line);
  if (name !== key.name || id !== key.id) {
    throw new InvalidSignature("note-unknown-key", `signed by ${name}, not by ${key.name}`);
  }
  if (key.kind !== ED25519) throw new InvalidSignature("note-signature", `the key of ${key.name} is no Ed25519 key of type 1`);
  verifyMessage(key, utf8(text), signature);
}

/** Check an Ed25519 signature by a key of type 1 or 4, whatever the message is made of. Throws InvalidSignature `note-signature`. */
export function verifyMessage(key: VerifierKey, message: Uint8Array, signature: Uint8Array): void {
  if ((key.kind !== ED25519 && key.kind !== COSIGNATURE) || key.key.length !== 32 || signature.length !== 64) {
    throw new InvalidSignature("note-signature", `the signature of ${key.name} is no Ed25519 signature of 64 bytes`);
  }
  if (!isSignature(key.key, message, signature)) {
    throw new InvalidSignature("note-signature", `the signature of ${key.name} does not belong to this text`);
  }
}

/** RFC 8032 with libsodium's strict rules, which Python keeps: one encoding, no small order, and without the cofactor. */
function isSignature(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const R = signature.slice(0, 32);
  const s = littleEndian(signature.slice(32));
  if (s >= Q) return false;
  let A: Point;
  try {
    A = Point.decodeForSignature(key);
    Point.decodeForSignature(R);
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
  const k = reduce(littleEndian(sha512(R, key, message)));
  return sameBytes(Point.total([[s, G], [k, A.negate()]]).encoding, R);
}

/** Check that a key may be called so. Throws Malformed `key-name`. */
export function verifyName(name: string): void {
  if (name === "" || /[+\p{C}\p{Z}]/u.test(name)) {
    throw new Malformed("key-name", "a key's name is not empty and holds neither white space nor a plus sign nor half a character");
  }
}

function malformed(message: string): Malformed {
  return new Malformed("note-malformed", message);
}
