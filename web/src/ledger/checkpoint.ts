/** Checkpoints: how many entries a log has, their root, and who signed it. docs/protocol.md section 12.2; C2SP tlog-checkpoint 1.0. */

import { base64, fromBase64, utf8 } from "../crypto/bytes.ts";
import { InvalidSignature, Malformed, Refused } from "../crypto/errors.ts";
import { ED25519, ML_DSA_44, type Note, parseNote, type VerifierKey, verifyName, writtenLine } from "../crypto/signed_note.ts";
import { type Cosignature, verifyKey, verifySignature } from "./cosignature.ts";
import { HASH_BYTES, MAX_SIZE } from "./merkle.ts";

export const MAX_BYTES = 256 * 1024;
const MAX_EXTENSIONS = 16;
const MAX_ORIGIN_BYTES = 255;

/** The log `origin` has `size` entries with this root of 32 bytes; `text` is what the log signs. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly text: string;
}

/** A checkpoint as read, with the lines below it: nothing is verified yet. */
export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly note: Note;
}

/** The signed checkpoint of its bytes. Throws Malformed `note-malformed` or `checkpoint-malformed`. */
export function parseSigned(data: Uint8Array): SignedCheckpoint {
  if (data.length > MAX_BYTES) throw malformed(`a signed checkpoint of ${data.length} bytes; at most ${MAX_BYTES} are read`);
  const note = parseNote(data);
  return { checkpoint: parseCheckpoint(note.text), note };
}

/** The exact bytes it was read from. */
export function signedBytes({ note }: SignedCheckpoint): Uint8Array {
  return utf8(`${note.text}\n${note.lines.map((line) => `${writtenLine(line)}\n`).join("")}`);
}

/** The checkpoint with this text, a note's text without its signature lines. Throws Malformed `checkpoint-malformed`. */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split("\n");
  const [origin, size, root, ...extensions] = lines.slice(0, -1);
  if (origin === undefined || size === undefined || root === undefined || lines.at(-1) !== "") {
    throw malformed("a checkpoint is three lines or more, each with its newline");
  }
  // The log may say up to 2^63 - 1; a browser counts exactly to 2^53, which is beyond any log of ours.
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(size) || Number(size) > MAX_SIZE) {
    throw malformed("the second line of a checkpoint is a number without leading zeros, below 2^53");
  }
  if (extensions.length > MAX_EXTENSIONS || extensions.includes("")) throw malformed(`at most ${MAX_EXTENSIONS} further lines, none empty`);
  return { origin: verifiedOrigin(origin), size: Number(size), root: rootOf(root), text };
}

/**
 * Check the lines of these keys, all of them; who of them signed, each once. Keys of type ML-DSA are left out: a browser can
 * neither accept nor refute them. Throws InvalidSignature `note-signature` as soon as a known key's line does not verify.
 */
export function verifyLines(signed: SignedCheckpoint, keys: readonly VerifierKey[]): Cosignature[] {
  const found = new Map<VerifierKey, Cosignature>();
  for (const line of signed.note.lines) {
    const key = keys.find((one) => one.name === line.name && one.id === line.id && one.kind !== ML_DSA_44);
    if (key === undefined) continue;
    const one = verifySignature(key, signed.checkpoint.text, line.signature);
    // Two lines of one key are one voice: the newer one.
    if (one.time >= (found.get(key)?.time ?? 0n)) found.set(key, one);
  }
  return [...found.values()];
}

/**
 * Check that the log `origin` with these keys, as its manifest names them, signed the checkpoint; by which keys. Throws Refused
 * `checkpoint-origin`, InvalidSignature `checkpoint-unsigned` or `note-signature`.
 */
export function verifyLog(signed: SignedCheckpoint, origin: string, keys: readonly VerifierKey[]): Cosignature[] {
  if (signed.checkpoint.origin !== origin) {
    throw new Refused(
      "checkpoint-origin",
      `a checkpoint of the log ${signed.checkpoint.origin.slice(0, 100)}, expected ${origin.slice(0, 100)}`,
    );
  }
  const own = keys.filter((key) => key.name === origin && (key.kind === ED25519 || key.kind === ML_DSA_44));
  for (const key of own) verifyKey(key, [ED25519, ML_DSA_44], "the log");
  const by = verifyLines(signed, own);
  if (by.length === 0) {
    throw new InvalidSignature("checkpoint-unsigned", `no Ed25519 key of the log ${origin.slice(0, 100)} has signed this checkpoint`);
  }
  return by;
}

function rootOf(line: string): Uint8Array {
  let root: Uint8Array;
  try {
    root = fromBase64(line);
  } catch (error) {
    if (error instanceof Malformed) throw malformed(`the root of a checkpoint: ${error.message}`);
    throw error;
  }
  if (root.length !== HASH_BYTES || base64(root) !== line) throw malformed(`a root of ${root.length} bytes: ${HASH_BYTES} were expected`);
  return root;
}

function verifiedOrigin(origin: string): string {
  try {
    verifyName(origin);
  } catch (error) {
    if (error instanceof Malformed) throw malformed(`the origin of a checkpoint: ${error.message}`);
    throw error;
  }
  if (utf8(origin).length > MAX_ORIGIN_BYTES) throw malformed(`the origin of a checkpoint: more than ${MAX_ORIGIN_BYTES} bytes`);
  return origin;
}

function malformed(message: string): Malformed {
  return new Malformed("checkpoint-malformed", message);
}
