/** Certificates of a key ceremony. docs/protocol.md section 6.2; the same as crypto/certificate.py. */

import { sha256, sha256Hex, utf8 } from "./bytes.ts";
import { dumps, fields, integer, text } from "./canonical_json.ts";
import { jsonOf, parseSigned, type SignedMessage, signedJson, signMessage, type TrusteeKeys, verifyMessage } from "./channel.ts";
import { ElectionError, Inconsistent, InvalidSignature, Malformed } from "./errors.ts";
import { Point } from "./group.ts";
import type { Randomness } from "./scalar.ts";
import { GROUP } from "./version1.ts";

/** A place: trustee `index` of `size`, any `threshold` of whom can decrypt. */
export interface Context {
  readonly size: number;
  readonly threshold: number;
  readonly index: number;
}

/** A signed text that names two keys and their place. Both keys are members of the group. */
export interface Certificate {
  readonly signed: SignedMessage;
  readonly context: Context;
  readonly verification: Point;
  readonly encryption: Point;
}

export function makeCertificate(keys: TrusteeKeys, { size, threshold, index }: Context, randomness: Randomness): Certificate {
  const message = dumps({
    context: { group: GROUP, size, threshold, index },
    verification: keys.verification.text(),
    encryption: keys.encryption.text(),
  });
  return parseCertificate(dumps(signedJson(signMessage(keys.signing, message, randomness))));
}

/** The certificate of one line. Throws Malformed; nothing is verified yet. */
export function parseCertificate(line: string): Certificate {
  return certificateOf(parseSigned(jsonOf(line)));
}

/** Throws Malformed: its form, or `trustee-key` when a key is no member of order q. */
export function certificateOf(signed: SignedMessage): Certificate {
  const found = fields(jsonOf(signed.message), ["context", "verification", "encryption"]);
  const place = fields(found.context, ["group", "size", "threshold", "index"]);
  if (text(place.group) !== GROUP) throw new Malformed("wrong-type", "a certificate for another group");
  const context = { size: integer(place.size), threshold: integer(place.threshold), index: integer(place.index) };
  try {
    return { signed, context, verification: Point.parse(found.verification), encryption: Point.parse(found.encryption) };
  } catch (error) {
    if (error instanceof Malformed) throw new Malformed("trustee-key", `a key of a certificate: ${error.message}`);
    throw error;
  }
}

/** The exact text, without newline. */
export function lineOf({ signed }: { readonly signed: SignedMessage }): string {
  return dumps(signedJson(signed));
}

/** SHA-256 of the inner message in hex: the fingerprint that trustees compare. */
export function fingerprintOf(certificate: Certificate): string {
  return sha256Hex(utf8(certificate.signed.message));
}

/** L: SHA-256 of the lines joined by newlines. It names the run of a ceremony. */
export function listHash(certificates: readonly Certificate[]): Uint8Array {
  return sha256(utf8(certificates.map(lineOf).join("\n")));
}

/** Check the certificates of a new ceremony: places, 1 ≤ threshold < size, keys, contexts and signatures. Throws ElectionError. */
export function verifyCertificates(certificates: readonly Certificate[], size: number, threshold: number): void {
  if (certificates.length !== size || !(threshold >= 1 && threshold < size)) {
    throw new Malformed("threshold-limits", `${certificates.length} certificates for ${threshold} of ${size}`);
  }
  const seen = new Set<string>();
  certificates.forEach((one, at) => {
    for (const key of [one.verification.text(), one.encryption.text()]) {
      // Else one person could hold two places, or open what was meant for another.
      if (seen.has(key)) throw new Malformed("trustee-key", `trustee ${at + 1}: its certificate uses a key that was used before`);
      seen.add(key);
    }
  });
  certificates.forEach(({ context }, at) => {
    if (context.size !== size || context.threshold !== threshold || context.index !== at + 1) {
      throw new Inconsistent("certificate-context", `trustee ${at + 1}: its certificate is not one for this place and threshold`);
    }
  });
  certificates.forEach((one, at) => {
    try {
      verifyMessage(one.signed, one.verification);
    } catch (error) {
      if (!(error instanceof ElectionError)) throw error;
      throw new InvalidSignature("certificate-signature", `trustee ${at + 1}: its certificate is not signed by its key`);
    }
  });
}
