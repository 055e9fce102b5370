/** Commit before you reveal. docs/protocol.md section 6.5; the same as crypto/reveal.py. */

import { fromHex, hex } from "./bytes.ts";
import { array, digest, fields, type Json, text } from "./canonical_json.ts";
import { type Certificate, listHash } from "./certificate.ts";
import { verifyMessage } from "./channel.ts";
import { Blamed, ElectionError, InvalidSignature } from "./errors.ts";
import type { Point } from "./group.ts";
import { type Coefficients, parseCoefficients } from "./pedersen.ts";
import { parseProof, type Proof, proofJson } from "./proof.ts";
import { verifySignature } from "./schnorr.ts";
import { digest256, transcript } from "./transcript.ts";

export const LOT_BYTES = 32;

/** What opens a commitment: E_i and lot_i, the SHA-256 of the n encrypted shares, and the signature over everything. */
export interface Reveal {
  readonly coefexps: string;
  readonly lot: Uint8Array;
  readonly secrets: readonly string[];
  readonly signature: Proof;
}

/** The reveal of strict JSON. Throws Malformed; nothing is verified here. */
export function parseReveal(value: Json): Reveal {
  const found = fields(value, ["coefexps", "lot", "secrets", "signature"]);
  return {
    coefexps: text(found.coefexps),
    lot: fromHex(digest(found.lot)),
    secrets: array(found.secrets).map(digest),
    signature: parseProof(found.signature),
  };
}

export function revealJson({ coefexps, lot, secrets, signature }: Reveal): Json {
  return { coefexps, lot: hex(lot), secrets, signature: proofJson(signature) };
}

/** SHA-256 (hex) over L, i, E_i and lot_i: a copied commitment cannot be opened by the copier. */
export function commitment(certificatesHash: Uint8Array, index: number, coefexps: string, lot: Uint8Array): string {
  return hex(digest256("veche/v1/dkg-commit", certificatesHash, index, coefexps, lot));
}

/** What the reveal of trustee `index` signs. */
export function revealMessage(
  certificatesHash: Uint8Array, index: number, commitments: readonly string[], secrets: readonly string[],
): Uint8Array {
  const digests = [...commitments, ...secrets].map(fromHex);
  return transcript("veche/v1/dkg-reveal", certificatesHash, index, commitments.length, ...digests);
}

/**
 * Check a reveal against the commitments that this trustee saw itself. Throws InvalidSignature `ceremony-reveal` when it was
 * signed over others: nobody is named then; Blamed `wrong-reveal` naming the trustee.
 */
export function verifyReveal(
  reveal: Reveal, index: number, certificates: readonly Certificate[], commitments: readonly string[], threshold: number,
): Coefficients {
  const L = listHash(certificates);
  const owner = (certificates[index - 1] as Certificate).verification;
  verifyRevealSignature(reveal, index, L, owner, commitments);
  if (commitment(L, index, reveal.coefexps, reveal.lot) !== commitments[index - 1]) throw wrong(index, "revealed something other than it committed to");
  let coefficients: Coefficients;
  try {
    coefficients = parseCoefficients(reveal.coefexps);
    verifyMessage(coefficients.signed, owner);
  } catch (error) {
    if (error instanceof ElectionError) throw wrong(index, "revealed no signed list of coefficients");
    throw error;
  }
  if (coefficients.points.length !== threshold) throw wrong(index, `revealed ${coefficients.points.length} coefficients, not ${threshold}`);
  if (reveal.secrets.length !== certificates.length) throw wrong(index, "gives no hash of a share for everyone");
  return coefficients;
}

function verifyRevealSignature(reveal: Reveal, index: number, L: Uint8Array, owner: Point, commitments: readonly string[]): void {
  try {
    verifySignature(reveal.signature, owner, revealMessage(L, index, commitments, reveal.secrets));
  } catch (error) {
    if (!(error instanceof InvalidSignature)) throw error;
    throw new InvalidSignature("ceremony-reveal", `trustee ${index} did not sign its reveal over these commitments`);
  }
}

function wrong(index: number, what: string): Blamed {
  return new Blamed("wrong-reveal", `trustee ${index} is named: it ${what}`, index);
}
