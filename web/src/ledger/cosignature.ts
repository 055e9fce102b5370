/** What the types of signature lines sign of a checkpoint. docs/protocol.md section 12.3; C2SP tlog-cosignature 1.0.1. */

import { bigEndian, utf8 } from "../crypto/bytes.ts";
import { InvalidSignature, Malformed, Unsupported } from "../crypto/errors.ts";
import { COSIGNATURE, ED25519, ML_DSA_44, type VerifierKey, verifyMessage } from "../crypto/signed_note.ts";

export const LOG_KINDS: readonly number[] = [ED25519, ML_DSA_44];
export const COSIGNER_KINDS: readonly number[] = [COSIGNATURE, ML_DSA_44];

const MAX_TIME = 2n ** 63n - 1n;
const TIME_BYTES = 8;
const PUBLIC_BYTES: Readonly<Record<number, number>> = { [ED25519]: 32, [COSIGNATURE]: 32, [ML_DSA_44]: 1312 };

/** `key` signed the checkpoint at `time`, seconds since 1970; 0 where the type has none. */
export interface Cosignature {
  readonly key: VerifierKey;
  readonly time: bigint;
}

/** Check that the key is of one of these types and as long as its type wants. Throws Malformed `checkpoint-key`. */
export function verifyKey(key: VerifierKey, kinds: readonly number[], whose: string): void {
  if (!kinds.includes(key.kind) || key.key.length !== PUBLIC_BYTES[key.kind]) {
    throw new Malformed(
      "checkpoint-key",
      `${whose} ${key.name.slice(0, 100)}: a key of type ${kinds.join(" or ")}, found ${key.key.length} bytes of type ${key.kind}`,
    );
  }
}

/** Check what stands after the key ID of a line of `key` below a checkpoint's text; who signed, and when. */
export function verifySignature(key: VerifierKey, text: string, signature: Uint8Array): Cosignature {
  verifyKey(key, [ED25519, COSIGNATURE, ML_DSA_44], "the key of");
  if (key.kind === ML_DSA_44) throw new Unsupported("ml-dsa-missing", "an ML-DSA-44 signature cannot be checked in a browser");
  if (key.kind === ED25519) {
    verifyMessage(key, utf8(text), signature);
    return { key, time: 0n };
  }
  if (signature.length !== TIME_BYTES + 64) {
    throw new InvalidSignature(
      "note-signature",
      `the line of ${key.name.slice(0, 100)} has ${signature.length} bytes: no cosignature of its type`,
    );
  }
  const time = bigEndian(signature.slice(0, TIME_BYTES));
  if (time > MAX_TIME) throw new Malformed("cosignature-malformed", `a cosignature of the time ${time}: 0 to 2^63 - 1 was expected`);
  // The name is not among what is signed: a key serves one name only.
  verifyMessage(key, utf8(`cosignature/v1\ntime ${time}\n${text}`), signature.slice(TIME_BYTES));
  return { key, time };
}
