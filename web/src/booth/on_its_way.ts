/** A signed ballot on its way: what one attempt to send it has told, and whether another one of its voter came in before. */

import { ElectionError } from "../crypto/errors.ts";
import { checkNote } from "./acceptance.ts";
import { type Contest, readSealed, type Sealed, Unreachable } from "./contest.ts";
import { isOfElection, type Pending } from "./draft.ts";
import { attempt, type Fate, isInRecord, post } from "./sending.ts";
import { ballotsNow, type CastBallot, type Standing } from "./standing.ts";
import type { Doubt } from "./voting.ts";

/** The ballot's fate, and the election by which that was judged, as far as it is known. */
export interface Attempted {
  readonly fate: Fate;
  readonly sealed: Sealed | null;
}

/** Sends the ballot once. `known`: an election that the page has read, which after a reload is none. */
export async function sendOnce(pending: Pending, contest: Contest | undefined, known: Sealed | null): Promise<Attempted> {
  let sealed = known;
  try {
    if (sealed?.contest.uuid !== pending.uuid && contest !== undefined) sealed = await readSealed(contest);
  } catch (error) {
    return { fate: doubtful(error instanceof ElectionError ? "false-answer" : "offline"), sealed };
  }
  if (sealed === null) return { fate: doubtful("offline"), sealed };
  // Whatever this server answers, it would be signed by the box of another election.
  if (!isOfElection(pending, sealed.contest)) return { fate: doubtful("false-answer"), sealed };
  const by = sealed;
  const fate = await attempt(post, `/api/elections/${pending.uuid}/ballots`, pending.text, (note) => {
    checkNote(note, by, pending.tracker);
  });
  return { fate, sealed };
}

function doubtful(doubt: Doubt): Fate {
  return { is: "unknown", doubt, wait: 0 };
}

/** Voting is not open: what the record says of a ballot whose answer was lost. */
export async function ended({ uuid, tracker }: Pending): Promise<Doubt> {
  const found = await isInRecord(uuid, tracker);
  return found === null ? "ended" : found ? "ended-in" : "ended-out";
}

/** All ballots of this credential now; null without a true answer, when nothing is known. */
export async function ballotsSince(standing: Standing): Promise<readonly CastBallot[] | null> {
  try {
    return await ballotsNow(standing);
  } catch (error) {
    if (error instanceof Unreachable || error instanceof ElectionError) return null;
    throw error;
  }
}
