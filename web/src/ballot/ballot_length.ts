/** How long a ballot can become, known before anybody votes; the same figure as ballot/ballot_length.py has. */

import { encode, type Json } from "../crypto/canonical_json.ts";
import { Malformed } from "../crypto/errors.ts";
import { Q } from "../crypto/scalar.ts";
import { MAX_BYTES } from "./encrypted_ballot.ts";
import { ciphertextsOf, type Question } from "./election.ts";

const SCALAR = String(Q - 1n);
const POINT = "0".repeat(64);
const COMPACT = "0".repeat(43);
const PROOF: Json = { challenge: SCALAR, response: SCALAR };

/** The bytes of the longest ballot of these questions: every number in it as long as it can be. docs/protocol.md section 5. */
export function longestBallot(uuid: string, questions: readonly Question[]): number {
  return encode({
    election_uuid: uuid,
    election_hash: COMPACT,
    credential: POINT,
    answers: questions.map(answerOf),
    signature: { hash: COMPACT, proof: PROOF },
  }).length;
}

/** Check that every ballot of these questions would be taken. Throws Malformed `ballot-too-long`. */
export function verifyBallotLength(uuid: string, questions: readonly Question[]): void {
  const length = longestBallot(uuid, questions);
  if (length > MAX_BYTES) {
    throw new Malformed("ballot-too-long", `a ballot would have up to ${length} bytes, and no more than ${MAX_BYTES} are taken`);
  }
}

function answerOf(question: Question): Json {
  const size = ciphertextsOf(question);
  const parts = question.maximum - question.minimum + 1 + (question.blank ? 1 : 0);
  const answer = {
    choices: Array.from({ length: size }, () => ({ alpha: POINT, beta: POINT })),
    individual_proofs: Array.from({ length: size }, () => [PROOF, PROOF]),
    overall_proof: Array.from({ length: parts }, () => PROOF),
  };
  return question.blank ? { ...answer, blank_proof: [PROOF, PROOF] } : answer;
}
