/**
 * One trustee's part in the key ceremony: commit, reveal, deal, receive, finish. docs/protocol.md section 6.5.
 *
 * The states and their JSON are those of crypto/ceremony.py: what a browser keeps in its key file, the program can go on with.
 */

import { fromHex, hex, sha256Hex, utf8 } from "./bytes.ts";
import { array, digest, dumps, fields, integer, type Json, text } from "./canonical_json.ts";
import { type Certificate, lineOf, listHash, parseCertificate, verifyCertificates } from "./certificate.ts";
import { jsonOf, malformedAs, receive, send, type TrusteeKeys, verifyCipher } from "./channel.ts";
import { type Complaint, type Dealing, isComplaint, takeShare } from "./complaint.ts";
import { Inconsistent, InvalidSignature, Malformed, Refused } from "./errors.ts";
import { G } from "./group.ts";
import {
  makeCoefficients, makeVerificationKey, parseCoefficients, parseVerificationKey, signGroup, type ThresholdGroup, type VerificationKey,
  verificationKeyJson, verifyThresholdGroup,
} from "./pedersen.ts";
import { parseProof, type Proof, proofJson } from "./proof.ts";
import { commitment, LOT_BYTES, parseReveal, type Reveal, revealJson, revealMessage, verifyReveal } from "./reveal.ts";
import { type Randomness, reduce, type Scalar } from "./scalar.ts";
import { sign } from "./schnorr.ts";
import { commitmentsOf, publicShares, randomPolynomial, valueAt } from "./shamir.ts";

/** Where a trustee stands: its number from 1, and the certificates of all, checked before it chose anything. */
export interface Place {
  readonly certificates: readonly Certificate[];
  readonly threshold: number;
  readonly index: number;
}

/** The place of the owner of `keys` among these certificates, all of them checked. Throws ElectionError. */
export function takePlace(keys: TrusteeKeys, certificates: readonly Certificate[], size: number, threshold: number, index: number): Place {
  verifyCertificates(certificates, size, threshold);
  const own = certificates[index - 1];
  if (own === undefined || !own.verification.equals(keys.verification) || !own.encryption.equals(keys.encryption)) {
    throw new Inconsistent("not-my-certificate", `the certificate at place ${index} is not the one made with this seed`);
  }
  return { certificates, threshold, index };
}

/** The trustee has chosen its part and shows only a hash of it. */
export interface Committed {
  readonly step: "committed";
  readonly place: Place;
  readonly coefexps: string;
  readonly lot: Uint8Array;
  readonly secrets: readonly string[];
}

/** The trustee has seen all n commitments, and signed its reveal over exactly these. */
export interface Revealed {
  readonly step: "revealed";
  readonly committed: Committed;
  readonly commitments: readonly string[];
  readonly reveal: Reveal;
}

/** The trustee has found all n reveals good. Now its encrypted shares may go out. */
export interface Sharing {
  readonly step: "sharing";
  readonly revealed: Revealed;
  readonly reveals: readonly Reveal[];
}

/** The trustee has its share of the key, encrypted to itself, and its verification key. */
export interface Finished {
  readonly step: "finished";
  readonly place: Place;
  readonly coefexps: readonly string[];
  readonly groupSignature: Proof;
  readonly verificationKey: VerificationKey;
  readonly decryptionKey: string;
}

export type State = Committed | Revealed | Sharing | Finished;

/** commitment_i (hex), the only thing to publish after `commit`. */
export function commitmentOf({ place, coefexps, lot }: Committed): string {
  return commitment(listHash(place.certificates), place.index, coefexps, lot);
}

/** A fresh polynomial, dealt and committed to, and forgotten: its values live on in the encrypted texts only. */
export async function commit(keys: TrusteeKeys, place: Place, randomness: Randomness): Promise<Committed> {
  const polynomial = randomPolynomial(place.threshold, randomness);
  const coefexps = lineOf(makeCoefficients(keys.signing, commitmentsOf(polynomial), randomness));
  const lot = randomness(LOT_BYTES);
  if (lot.every((byte) => byte === 0)) throw new Refused("randomness-failed", "the random generator gave only zeros; nothing was made");
  const secrets: string[] = [];
  for (const [at, { encryption }] of place.certificates.entries()) {
    secrets.push(await send(keys, encryption, dumps({ secret: valueAt(polynomial, at + 1).toString() }), randomness));
  }
  return { step: "committed", place, coefexps, lot, secrets };
}

/**
 * The reveal, made only when all n commitments are there: whoever reveals earlier lets the others choose after its own. Throws
 * Refused `commitments-missing`; Inconsistent `own-commitment`.
 */
export function reveal(keys: TrusteeKeys, state: Committed, commitments: readonly (string | undefined)[], randomness: Randomness): Revealed {
  const { certificates, index } = state.place;
  const complete = commitments.filter((one) => one !== undefined);
  if (complete.length !== certificates.length || commitments.length !== certificates.length) {
    throw new Refused("commitments-missing", `${certificates.length} commitments are needed before anything is revealed`);
  }
  if (complete[index - 1] !== commitmentOf(state)) {
    throw new Inconsistent("own-commitment", `the commitment shown for trustee ${index} is not the one it made`);
  }
  const secrets = state.secrets.map((one) => sha256Hex(utf8(one)));
  const signature = sign(keys.signing, keys.verification, revealMessage(listHash(certificates), index, complete, secrets), randomness);
  return { step: "revealed", committed: state, commitments: complete, reveal: { coefexps: state.coefexps, lot: state.lot, secrets, signature } };
}

/**
 * All reveals, each found good against the commitments that this trustee saw. Throws Refused `reveals-missing`; Inconsistent
 * `wrong-reveal`, which names the trustee; Inconsistent `split-view` when one signed over other commitments: everybody stops.
 */
export function checkReveals(state: Revealed, reveals: readonly (Reveal | undefined)[]): Sharing {
  const { certificates, index, threshold } = state.committed.place;
  const complete = reveals.filter((one) => one !== undefined);
  if (complete.length !== certificates.length || reveals.length !== certificates.length) {
    throw new Refused("reveals-missing", `${certificates.length} reveals are needed before any share goes out`);
  }
  if (dumps(revealJson(complete[index - 1] as Reveal)) !== dumps(revealJson(state.reveal))) {
    throw new Inconsistent("own-reveal", `the reveal shown for trustee ${index} is not the one it made`);
  }
  complete.forEach((one, at) => {
    try {
      verifyReveal(one, at + 1, certificates, state.commitments, threshold);
    } catch (error) {
      if (!(error instanceof InvalidSignature)) throw error;
      throw new Inconsistent("split-view", `trustee ${at + 1} did not sign over the commitments that ${index} saw: stop and compare`);
    }
  });
  return { step: "sharing", revealed: state, reveals: complete };
}

/** What all have seen, by which shares and complaints are judged. */
export function dealingOf({ revealed, reveals }: Sharing): Dealing {
  return {
    certificates: revealed.committed.place.certificates,
    coefficients: reveals.map((one) => parseCoefficients(one.coefexps).points),
    secretHashes: reveals.map((one) => one.secrets),
  };
}

/**
 * S_j, the sum of all n good shares: verification key, `.dkey` text, signature over the group; or the complaint about the first
 * bad one. `messages[i]` is the text of dealer i + 1. Throws Inconsistent `shares-wrong`.
 */
export async function finish(
  keys: TrusteeKeys, state: Sharing, messages: readonly string[], name: string | undefined, randomness: Randomness,
): Promise<Finished | Complaint> {
  const { place } = state.revealed.committed;
  const dealing = dealingOf(state);
  let share: Scalar = 0n;
  for (const [at, message] of messages.entries()) {
    const taken = await takeShare(keys, message, dealing, at + 1, place.index, randomness);
    if (isComplaint(taken)) return taken;
    share = reduce(share + taken);
  }
  const key = G.multiply(share);
  const size = place.certificates.length;
  if (messages.length !== size || key.isIdentity || !key.equals(publicShares(dealing.coefficients, size)[place.index - 1] ?? G)) {
    throw new Inconsistent("shares-wrong", "the shares do not add up to the key that the coefficients give");
  }
  return {
    step: "finished",
    place,
    coefexps: state.reveals.map((one) => one.coefexps),
    groupSignature: signGroup(keys.signing, place.certificates, dealing.coefficients[place.index - 1] ?? [], randomness),
    decryptionKey: await send(keys, keys.encryption, dumps({ decryption_key: share.toString() }), randomness),
    verificationKey: makeVerificationKey(keys.signing, share, key, name, randomness),
  };
}

/** Check that the published group is the one this trustee helped to make. Throws Inconsistent `other-group`, or as the group does. */
export function verifyOutcome(state: Finished, group: ThresholdGroup): void {
  verifyThresholdGroup(group);
  const same =
    group.threshold === state.place.threshold &&
    dumps(group.certificates.map(lineOf)) === dumps(state.place.certificates.map(lineOf)) &&
    dumps(group.coefficients.map(lineOf)) === dumps(state.coefexps) &&
    dumps(verificationKeyJson(group.keys[state.place.index - 1] as VerificationKey)) === dumps(verificationKeyJson(state.verificationKey));
  if (!same) {
    throw new Inconsistent("other-group", `the published group is not the one that trustee ${state.place.index} helped to make`);
  }
}

/** S_j from the trustee's `.dkey` text. Throws Malformed without showing it. */
export async function openDecryptionKey(keys: TrusteeKeys, message: string): Promise<Scalar> {
  const found = fields(jsonOf(await receive(keys, keys.verification, message)), ["decryption_key"]).decryption_key;
  if (typeof found !== "string" || !/^(0|[1-9][0-9]{0,99})$/.test(found)) {
    throw new Malformed("key-malformed", "a decryption key is written as a decimal number");
  }
  return reduce(BigInt(found));
}

export function stateJson(state: State): Json {
  switch (state.step) {
    case "committed":
      return { step: "committed", place: placeJson(state.place), coefexps: state.coefexps, lot: hex(state.lot), secrets: state.secrets };
    case "revealed":
      return { step: "revealed", committed: stateJson(state.committed), commitments: state.commitments, reveal: revealJson(state.reveal) };
    case "sharing":
      return { step: "sharing", revealed: stateJson(state.revealed), reveals: state.reveals.map(revealJson) };
    case "finished":
      return {
        step: "finished", place: placeJson(state.place), coefexps: state.coefexps, group_signature: proofJson(state.groupSignature),
        verification_key: verificationKeyJson(state.verificationKey), decryption_key: state.decryptionKey,
      };
  }
}

/** The state of a trustee's private file, whichever it is. Throws Malformed. */
export function parseState(value: Json): State {
  const step = typeof value === "object" && value !== null && "step" in value ? value.step : "";
  return malformedAs("wrong-step", () => {
    if (step === "committed") return parseCommitted(value);
    if (step === "revealed") return parseRevealed(value);
    if (step === "sharing") {
      const found = fields(value, ["step", "revealed", "reveals"]);
      return { step, revealed: parseRevealed(found.revealed), reveals: array(found.reveals).map(parseReveal) };
    }
    const found = fields(value, ["step", "place", "coefexps", "group_signature", "verification_key", "decryption_key"]);
    if (found.step !== "finished") throw new Malformed("wrong-step", "no step of a ceremony");
    return {
      step: "finished",
      place: parsePlace(found.place),
      coefexps: array(found.coefexps).map(text),
      groupSignature: parseProof(found.group_signature),
      verificationKey: parseVerificationKey(found.verification_key),
      decryptionKey: text(found.decryption_key),
    };
  });
}

function parseCommitted(value: Json): Committed {
  const found = fields(value, ["step", "place", "coefexps", "lot", "secrets"]);
  const secrets = array(found.secrets).map(text);
  return { step: "committed", place: parsePlace(found.place), coefexps: text(found.coefexps), lot: fromHex(digest(found.lot)), secrets };
}

function parseRevealed(value: Json): Revealed {
  const found = fields(value, ["step", "committed", "commitments", "reveal"]);
  return {
    step: "revealed",
    committed: parseCommitted(found.committed),
    commitments: array(found.commitments).map(digest),
    reveal: parseReveal(found.reveal),
  };
}

function placeJson({ certificates, threshold, index }: Place): Json {
  return { certificates: certificates.map(lineOf), threshold, index, cipher: "gcm" };
}

function parsePlace(value: Json): Place {
  const found = fields(value, ["certificates", "threshold", "index", "cipher"]);
  verifyCipher(found.cipher);
  const certificates = array(found.certificates).map((one) => parseCertificate(text(one)));
  return { certificates, threshold: integer(found.threshold), index: integer(found.index, 1, certificates.length) };
}
