/** A share taken, or a complaint about it that anyone can judge. docs/protocol.md section 6.6; the same as crypto/complaint.py. */

import { fromHex, sha256Hex, utf8 } from "./bytes.ts";
import { fields, type Json } from "./canonical_json.ts";
import { type Certificate, listHash } from "./certificate.ts";
import { type Envelope, jsonOf, keyPoint, malformedAs, openWith, parseEnvelope, readOpened, type TrusteeKeys } from "./channel.ts";
import { proveEquality } from "./equality.ts";
import { ElectionError, Inconsistent, Malformed, Refused } from "./errors.ts";
import { G, type Point } from "./group.ts";
import { type Proof, proofJson } from "./proof.ts";
import { parseScalar, type Randomness, type Scalar } from "./scalar.ts";
import { committedValue } from "./shamir.ts";
import { transcript } from "./transcript.ts";

/** What all had seen before any share went out. Place i stands at index i − 1 of every list. */
export interface Dealing {
  readonly certificates: readonly Certificate[];
  readonly coefficients: readonly (readonly Point[])[];
  readonly secretHashes: readonly (readonly string[])[];
}

/** Trustee `complainant` shows the encrypted text of `dealer` and says that its share is bad. */
export interface Complaint {
  readonly dealer: number;
  readonly complainant: number;
  readonly message: string;
  readonly opening: { readonly point: Point; readonly proof: Proof } | undefined;
}

export function complaintJson({ dealer, complainant, message, opening }: Complaint): Json {
  const value = { dealer, complainant, message };
  return opening === undefined ? value : { ...value, point: opening.point.text(), proof: proofJson(opening.proof) };
}

export function isComplaint(taken: Scalar | Complaint): taken is Complaint {
  return typeof taken !== "bigint";
}

/**
 * The share that `dealer` sent to `recipient` (the owner of `keys`), or the complaint that names the dealer. Throws Refused
 * `not-the-dealers-message` when the text is not the one the dealer signed for: it was changed on the way; ask again.
 */
export async function takeShare(
  keys: TrusteeKeys, message: string, dealing: Dealing, dealer: number, recipient: number, randomness: Randomness,
): Promise<Scalar | Complaint> {
  const hash = dealing.secretHashes[dealer - 1]?.[recipient - 1] ?? "";
  if (sha256Hex(utf8(message)) !== hash) {
    throw new Refused("not-the-dealers-message", `this is not the message that trustee ${dealer} signed for: ask for it again`);
  }
  let envelope: Envelope;
  try {
    envelope = parseEnvelope(message);
  } catch (error) {
    if (error instanceof Malformed) return { dealer, complainant: recipient, message, opening: undefined };
    throw error;
  }
  const point = keyPoint(envelope, keys.decryption);
  try {
    return await openShare(envelope, point, dealing, dealer, recipient);
  } catch (error) {
    if (!(error instanceof ElectionError)) throw error;
    const context = transcript("veche/v1/complaint", listHash(dealing.certificates), dealer, recipient, fromHex(hash));
    const claim = { context, key: keys.encryption, bases: [envelope.alpha], factors: [envelope.beta.subtract(point)] };
    return { dealer, complainant: recipient, message, opening: { point, proof: proveEquality(keys.decryption, claim, randomness) } };
  }
}

async function openShare(envelope: Envelope, point: Point, dealing: Dealing, dealer: number, recipient: number): Promise<Scalar> {
  const [sender, reader] = [dealing.certificates[dealer - 1] as Certificate, dealing.certificates[recipient - 1] as Certificate];
  const message = readOpened(await openWith(envelope, point), sender.verification, reader.encryption);
  const share = malformedAs("text-malformed", () => parseScalar(fields(jsonOf(message), ["secret"]).secret));
  if (!G.multiply(share).equals(committedValue(dealing.coefficients[dealer - 1] ?? [], recipient))) {
    throw new Inconsistent("share-wrong", `the share of trustee ${dealer} for ${recipient} does not fit its coefficients`);
  }
  return share;
}
