/** A trustee's share of the decryption. docs/protocol.md sections 7.2 and 7.3; the same as ballot/share.py. */

import { fromHex, sha256, sha256Hex, utf8Text } from "../crypto/bytes.ts";
import { encode, type Json } from "../crypto/canonical_json.ts";
import { proveDecryption, verifyDecryption } from "../crypto/chaum_pedersen.ts";
import { proveEquality, verifyEquality } from "../crypto/equality.ts";
import type { Point } from "../crypto/group.ts";
import { type Proof, proofJson } from "../crypto/proof.ts";
import type { Randomness, Scalar } from "../crypto/scalar.ts";
import { sign, verifySignature } from "../crypto/schnorr.ts";
import { deliveryMessage, shareClaim } from "../crypto/strong_decryption.ts";
import { alphasOf, type Tally } from "./tally.ts";

/** Where a tally stands: uuid and fingerprint of the election, hashes (hex) of the events Setup and EncryptedTally. */
export interface TallyPlace {
  readonly uuid: string;
  readonly fingerprint: string;
  readonly setup: string;
  readonly encryptedTally: string;
}

/**
 * The file `delivery/1`: `tally` decrypted with one trustee's secret, with both proofs, signed. What was just made is checked as
 * the others will check it: a computer that miscounts must not name its owner. Throws InvalidProof or InvalidSignature.
 */
export function makeDelivery(
  secret: Scalar, key: Point, owner: number, tally: Tally, place: TallyPlace, randomness: Randomness,
): Uint8Array {
  const alphas = alphasOf(tally);
  const factors = alphas.map((alpha) => alpha.multiply(secret));
  const proofs = alphas.map((alpha) => proveDecryption(secret, key, alpha, place.fingerprint, randomness));
  const share = encode({
    decryption_factors: shaped(factors.map((one) => one.text()), tally),
    decryption_proofs: shaped(proofs.map(proofJson), tally),
  });
  const owned = encode({ owner, payload: sha256Hex(share) });
  const statement = { setup: fromHex(place.setup), tally: fromHex(place.encryptedTally), owner, payload: sha256(owned) };
  const claim = shareClaim(statement, key, alphas, factors);
  const proof = proveEquality(secret, claim, randomness);
  const signature = sign(secret, key, deliveryMessage(statement, proof), randomness);
  alphas.forEach((alpha, k) => verifyDecryption(proofs[k] as Proof, key, alpha, factors[k] as Point, place.fingerprint));
  verifyEquality(proof, claim);
  verifySignature(signature, key, deliveryMessage(statement, proof));
  return encode({
    veche: "delivery/1",
    election: place.uuid,
    owned: utf8Text(owned),
    share: utf8Text(share),
    proof: proofJson(proof),
    signature: proofJson(signature),
  });
}

function shaped(flat: readonly Json[], tally: Tally): Json[] {
  let at = 0;
  return tally.map((row) => flat.slice(at, (at += row.length)));
}
