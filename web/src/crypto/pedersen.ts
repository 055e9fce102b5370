/** The threshold group of trustees.json. docs/protocol.md section 6.3; the same as crypto/pedersen.py, for groups made since 2.5.1. */

import { array, dumps, fields, integer, type Json, text } from "./canonical_json.ts";
import { type Certificate, certificateOf, verifyCertificates } from "./certificate.ts";
import { jsonOf, parseSigned, type SignedMessage, signedJson, signMessage, verifyMessage } from "./channel.ts";
import { InvalidProof, InvalidSignature, Malformed } from "./errors.ts";
import { IDENTITY, Point } from "./group.ts";
import { parseProof, type Proof, proofJson } from "./proof.ts";
import type { Randomness, Scalar } from "./scalar.ts";
import { provePossession, signVersion1, verifyPossession, verifyVersion1 } from "./schnorr.ts";
import { publicShares } from "./shamir.ts";
import { messagePrefix } from "./version1.ts";

/** A dealer's signed public coefficients, all members of the group. In files: `coefexps`. */
export interface Coefficients {
  readonly signed: SignedMessage;
  readonly points: readonly Point[];
}

export function makeCoefficients(signing: Scalar, points: readonly Point[], randomness: Randomness): Coefficients {
  return { signed: signMessage(signing, dumps({ coefexps: texts(points) }), randomness), points };
}

export function parseCoefficients(line: string): Coefficients {
  return coefficientsOf(parseSigned(jsonOf(line)));
}

function coefficientsOf(signed: SignedMessage): Coefficients {
  const listed = array(fields(jsonOf(signed.message), ["coefexps"]).coefexps).map(text);
  return { signed, points: listed.map((one) => Point.parseOrIdentity(one)) };
}

/** X_j, with proof of possession and the signature of trustee j over it. */
export interface VerificationKey {
  readonly pok: Proof;
  readonly publicKey: Point;
  readonly signature: Proof;
  readonly name: string | undefined;
}

export function makeVerificationKey(
  signing: Scalar, share: Scalar, publicKey: Point, name: string | undefined, randomness: Randomness,
): VerificationKey {
  const pok = provePossession(share, publicKey, randomness);
  return { pok, publicKey, signature: signVersion1(signing, messagePrefix(publicKey.text()), randomness), name };
}

export function parseVerificationKey(value: Json): VerificationKey {
  const found = fields(value, ["pok", "public_key", "signature", "name"], ["name"]);
  const name = found.name === undefined ? undefined : text(found.name);
  return { pok: parseProof(found.pok), publicKey: Point.parse(found.public_key), signature: parseProof(found.signature), name };
}

export function verificationKeyJson({ pok, publicKey, signature, name }: VerificationKey): Json {
  const value = { pok: proofJson(pok), public_key: publicKey.text(), signature: proofJson(signature) };
  return name === undefined ? value : { ...value, name };
}

/** n trustees in order, any `threshold` of whom can decrypt. */
export interface ThresholdGroup {
  readonly threshold: number;
  readonly certificates: readonly Certificate[];
  readonly coefficients: readonly Coefficients[];
  readonly signatures: readonly Proof[];
  readonly keys: readonly VerificationKey[];
}

/** The group of a Pedersen item. Throws Malformed. */
export function parseThresholdGroup(value: Json): ThresholdGroup {
  const found = fields(value, ["threshold", "certs", "coefexps", "signatures", "verification_keys"]);
  const certificates = array(found.certs).map((one) => certificateOf(parseSigned(one)));
  const size = certificates.length;
  const group = {
    threshold: integer(found.threshold, 1, size),
    certificates,
    coefficients: array(found.coefexps, size).map((one) => coefficientsOf(parseSigned(one))),
    signatures: array(found.signatures, size).map(parseProof),
    keys: array(found.verification_keys, size).map(parseVerificationKey),
  };
  if (group.coefficients.some(({ points }) => points.length !== group.threshold)) {
    throw new Malformed("threshold-limits", `${group.threshold} coefficients were expected of each trustee`);
  }
  return group;
}

/** Σ_i A_i0: what the group adds to the election key. */
export function groupKey(group: ThresholdGroup): Point {
  return group.coefficients.reduce((sum, one) => sum.add(one.points[0] ?? IDENTITY), IDENTITY);
}

/** The entry of `signatures` of the dealer with these coefficients: all dealt for the same group. */
export function signGroup(signing: Scalar, certificates: readonly Certificate[], points: readonly Point[], randomness: Randomness): Proof {
  return signVersion1(signing, messagePrefix(groupMessage(certificates, points)), randomness);
}

/** Check every statement of the group. Throws InvalidProof, Inconsistent or InvalidSignature naming the place. */
export function verifyThresholdGroup(group: ThresholdGroup): void {
  const { certificates, coefficients, signatures, keys, threshold } = group;
  keys.forEach((key, at) => named(at + 1, "possession of its key is not shown", () => verifyPossession(key.pok, key.publicKey)));
  verifyCertificates(certificates, certificates.length, threshold);
  const expected = publicShares(coefficients.map((one) => one.points), certificates.length);
  certificates.forEach(({ verification }, at) => {
    const { signed, points } = coefficients[at] as Coefficients;
    const key = keys[at] as VerificationKey;
    named(at + 1, "its coefficients are not signed by its key", () => verifyMessage(signed, verification));
    named(at + 1, "it did not sign this list of certificates", () => {
      verifyVersion1(signatures[at] as Proof, messagePrefix(groupMessage(certificates, points)), verification);
    });
    if (!key.publicKey.equals(expected[at] as Point)) {
      throw new InvalidProof("verification-key", `trustee ${at + 1}: its verification key does not follow from the coefficients`);
    }
    named(at + 1, "its verification key is not signed by it", () => {
      verifyVersion1(key.signature, messagePrefix(key.publicKey.text()), verification);
    });
  });
}

function named(place: number, what: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof InvalidProof) throw new InvalidProof("trustee-pok", `trustee ${place}: ${what}`);
    if (error instanceof InvalidSignature) throw new InvalidSignature("key-signature", `trustee ${place}: ${what}`);
    throw error;
  }
}

function groupMessage(certificates: readonly Certificate[], points: readonly Point[]): string {
  return `certs_sig|${dumps({ certs: certificates.map((one) => signedJson(one.signed)), coefexps: texts(points) })}`;
}

function texts(points: readonly Point[]): string[] {
  return points.map((point) => point.text());
}
