/** Reading and checking an encrypted ballot, in the order of docs/protocol.md section 9.6, as ballot/encrypted_ballot.py does. */

import { hex, sha256 } from "../crypto/bytes.ts";
import { array, encode, fields, type Json, parseCanonical, text } from "../crypto/canonical_json.ts";
import { type Disjunction, inRange, verifyDisjunction } from "../crypto/disjunction.ts";
import { addUp, type Ciphertext } from "../crypto/elgamal.ts";
import { InvalidProof, InvalidSignature, Malformed, Refused } from "../crypto/errors.ts";
import { Point } from "../crypto/group.ts";
import { parseProof, type Proof } from "../crypto/proof.ts";
import { verifyVersion1 } from "../crypto/schnorr.ts";
import { answerContext, ballotContext, ballotSignaturePrefix, blankPrefix, compact, disjunctionPrefix } from "../crypto/version1.ts";
import { ciphertextsOf, type Election, type Question } from "./election.ts";

export const MAX_BYTES = 65_536;

const BALLOT = ["election_uuid", "election_hash", "credential", "answers", "signature"] as const;
const ANSWER = ["choices", "individual_proofs", "overall_proof", "blank_proof"] as const;

/** What one proof of an answer claims; `choice` counts from 0. */
export interface AnswerClaim {
  readonly statement: Disjunction;
  readonly kind: "individual" | "blank" | "overall";
  readonly question: number;
  readonly choice: number;
}

interface ReadAnswer {
  readonly choices: readonly { readonly alpha: string; readonly beta: string }[];
  readonly individual: readonly (readonly Json[])[];
  readonly overall: readonly Json[];
  readonly blank: readonly Json[] | undefined;
}

/** A ballot whose form is canonical (9.6.1) and about which nothing else is known. */
export interface UncheckedBallot {
  readonly raw: Uint8Array;
  readonly tracker: string;
  readonly uuid: string;
  readonly fingerprint: string;
  readonly credential: string;
  readonly answers: readonly ReadAnswer[];
  readonly hash: string;
  readonly signature: Json;
  readonly unsigned: Uint8Array;
}

/** Check 9.6.1: at most 65,536 bytes of canonical JSON with exactly the fields of a ballot. Throws Malformed `ballot-malformed`. */
export function readBallot(raw: Uint8Array): UncheckedBallot {
  const tracker = hex(sha256(raw));
  try {
    const value = fields(parseCanonical(raw, MAX_BYTES), BALLOT);
    const signature = fields(value.signature, ["hash", "proof"]);
    checkProof(signature.proof);
    const { signature: _, ...unsigned } = value;
    return {
      raw,
      tracker,
      uuid: text(value.election_uuid),
      fingerprint: text(value.election_hash),
      credential: text(value.credential),
      answers: array(value.answers).map(readAnswer),
      hash: text(signature.hash),
      signature: signature.proof,
      unsigned: encode(unsigned),
    };
  } catch (error) {
    if (error instanceof Malformed) throw new Malformed("ballot-malformed", `ballot ${tracker.slice(0, 16)}…: ${error.message}`);
    throw error;
  }
}

/**
 * Check 9.6.2 to 9.6.11 against the election; `listed` says whether a credential stands in its list. Throws Refused, Malformed,
 * InvalidSignature or InvalidProof with the code of the first check that fails.
 */
export function verifyBallot(ballot: UncheckedBallot, election: Election, listed: (credential: string) => boolean): void {
  const name = `ballot ${ballot.tracker.slice(0, 16)}…`;
  if (ballot.uuid !== election.uuid || ballot.fingerprint !== election.fingerprint) {
    throw new Refused("wrong-election", `${name}: made for another election than ${election.uuid} (${election.fingerprint})`);
  }
  if (!listed(ballot.credential)) throw new Refused("unknown-credential", `${name}: its credential is not in the election's list`);
  verifyShape(name, ballot, election);
  const proofs = naming("ballot-scalar", `${name}: a challenge or response is not canonical`, () => ({
    answers: ballot.answers.map(({ individual, overall, blank }) =>
      [...individual, ...(blank === undefined ? [] : [blank]), overall].map((parts) => parts.map(parseProof)),
    ),
    signature: parseProof(ballot.signature),
  }));
  if (ballot.hash !== compact(ballot.unsigned)) {
    throw new InvalidSignature("ballot-hash", `${name}: signed hash ${ballot.hash.slice(0, 43)} is not the hash of its content`);
  }
  const credential = Point.parse(ballot.credential);
  try {
    verifyVersion1(proofs.signature, ballotSignaturePrefix(ballot.hash), credential);
  } catch (error) {
    if (!(error instanceof InvalidSignature)) throw error;
    throw new InvalidSignature("invalid-signature", `${name}: not signed with the credential it names`);
  }
  const choices = ballot.answers.map((answer, at) =>
    naming("ballot-point", `${name}: a point of answer ${at + 1}`, () =>
      answer.choices.map(({ alpha, beta }) => ({ alpha: Point.parse(alpha), beta: Point.parse(beta) })),
    ),
  );
  const context = ballotContext(election.fingerprint, credential);
  election.questions.forEach((question, at) => {
    const claims = answerClaims(choices[at] ?? [], question, context, at + 1);
    claims.forEach((claim, place) => verifyClaim(name, claim, question, election.publicKey, proofs.answers[at]?.[place] ?? []));
  });
}

/** The claims of one answer in the order individual…, blank, overall. docs/protocol.md sections 5.2 to 5.4. */
export function answerClaims(choices: readonly Ciphertext[], question: Question, context: string, number: number): AnswerClaim[] {
  const claims: AnswerClaim[] = choices.map((one, choice) => ({
    statement: inRange(disjunctionPrefix(context, one.alpha, one.beta), one, [0, 1]),
    kind: "individual",
    question: number,
    choice,
  }));
  const whole = answerContext(context, choices);
  const span = Array.from({ length: question.maximum - question.minimum + 1 }, (_, i) => question.minimum + i);
  const add = (kind: "blank" | "overall", statement: Disjunction): void => {
    claims.push({ statement, kind, question: number, choice: 0 });
  };
  if (!question.blank) {
    const all = addUp(choices);
    add("overall", inRange(disjunctionPrefix(whole, all.alpha, all.beta), all, span));
    return claims;
  }
  const blank = choices[0] as Ciphertext;
  const rest = addUp(choices.slice(1));
  // "The blank is not marked, or nothing else is", and "the blank is marked, or a legal number of answers is".
  add("blank", { prefix: blankPrefix(0, whole), ciphertexts: [blank, rest], values: [0, 0] });
  add("overall", { prefix: blankPrefix(1, whole), ciphertexts: [blank, ...span.map(() => rest)], values: [1, ...span] });
  return claims;
}

function readAnswer(value: Json): ReadAnswer {
  const answer = fields(value, ANSWER, ["blank_proof"]);
  const proofs = (list: Json): readonly Json[] => array(list).map(checkProof);
  return {
    choices: array(answer.choices).map((choice) => {
      const pair = fields(choice, ["alpha", "beta"]);
      return { alpha: text(pair.alpha), beta: text(pair.beta) };
    }),
    individual: array(answer.individual_proofs).map(proofs),
    overall: proofs(answer.overall_proof),
    blank: answer.blank_proof === undefined ? undefined : proofs(answer.blank_proof),
  };
}

function checkProof(value: Json): Json {
  const proof = fields(value, ["challenge", "response"]);
  text(proof.challenge);
  text(proof.response);
  return value;
}

/** Check 9.6.4. Lengths come from the election only: no proof over a wider range or over nothing (attacks B9, C12). */
function verifyShape(name: string, ballot: UncheckedBallot, election: Election): void {
  if (ballot.answers.length !== election.questions.length) {
    throw new Malformed("ballot-shape", `${name}: ${ballot.answers.length} answers to ${election.questions.length} questions`);
  }
  ballot.answers.forEach((answer, at) => {
    const question = election.questions[at] as Question;
    const expected = ciphertextsOf(question);
    const legal =
      answer.choices.length === expected &&
      answer.individual.length === expected &&
      answer.individual.every((parts) => parts.length === 2) &&
      answer.overall.length === question.maximum - question.minimum + 1 + (question.blank ? 1 : 0) &&
      answer.blank?.length === (question.blank ? 2 : undefined);
    if (!legal) throw new Malformed("ballot-shape", `${name}: answer ${at + 1} has other ciphertexts or proofs than its question wants`);
  });
}

function verifyClaim(name: string, claim: AnswerClaim, question: Question, key: Point, proofs: readonly Proof[]): void {
  try {
    verifyDisjunction(key, claim.statement, proofs);
  } catch (error) {
    if (!(error instanceof InvalidProof)) throw error;
    const asked = `question ${claim.question} ("${question.text.slice(0, 60)}")`;
    const what = {
      individual: `choice ${claim.choice + 1} of ${asked} is not shown to be 0 or 1`,
      blank: `${asked}: not shown that a blank vote marks nothing else`,
      overall: `${asked}: the number of marks is not shown to lie between ${question.minimum} and ${question.maximum}`,
    }[claim.kind];
    throw new InvalidProof(`${claim.kind}-proof`, `${name}: ${what}`);
  }
}

function naming<Value>(code: string, what: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) throw new Malformed(code, `${what}: ${error.message}`);
    throw error;
  }
}
