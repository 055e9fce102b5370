/**
 * A vote of nobody, encrypted and thrown away while the voter still chooses. A browser runs what it has run before several times
 * quicker; so the voter does not wait for that after her press.
 */

import { G } from "../crypto/group.ts";
import { randomScalar } from "../crypto/scalar.ts";
import { ciphertextsOf, type Election } from "./election.ts";
import { prepareBallot } from "./prepared_ballot.ts";

/** Options of the vote of nobody: as many as it takes, not as many as there are. */
const OPTIONS = 8;
const TIMES = 2;

/**
 * Afterwards the code that encrypts is warm. Nothing of a voter is in it: credential, marks and randomness are of nobody, what is
 * made is not kept, shown, signed or sent. Ends early, and quietly, when `signal` says that the voter has pressed.
 */
export async function rehearse(election: Election, signal: AbortSignal): Promise<void> {
  const { questions: [asked] } = election;
  if (asked === undefined) return;
  const question = { ...asked, answers: asked.answers.slice(0, OPTIONS), minimum: 1, maximum: 1 };
  const marks = Array.from({ length: ciphertextsOf(question) }, (_, at) => (at === 0 ? 1 : 0));
  const secret = randomScalar();
  const point = G.multiply(secret);
  const nobody = { secret, point, publicText: point.text() };
  for (let time = 0; time < TIMES && !signal.aborted; time += 1) {
    try {
      await prepareBallot({ ...election, questions: [question] }, [marks], nobody, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
