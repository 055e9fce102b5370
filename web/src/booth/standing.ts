/** Where a voter stands in each contest: the browser asks for a bucket of credentials and finds its own one in it. Design section 5. */

import { type Credential, deriveCredential } from "../ballot/credential.ts";
import { array, digest, integer, object, parse, text } from "../crypto/canonical_json.ts";
import { ElectionError, Refused } from "../crypto/errors.ts";
import { type Contest, type Read, read, readBefore, readSealed, recordAddress, type Sealed, Unreachable } from "./contest.ts";

/**
 * Of so many contests at most what was sealed is read of all, so that this tells the server nothing. Of more only where it must be:
 * where digits of the credential are to be sent, and where the code is listed. The server can see the latter, as it does when one
 * of them is opened.
 */
const FEW_CONTESTS = 12;

/** Digits that a server may ask for: more of them would soon name the one credential. */
const MOST_DIGITS = 3;

/** Credentials that begin alike, on average and at the least. */
const A_BUCKET = 32;

/** The most digits that leave so many of an electorate in a bucket, as observer/summary.py has it. */
export function digitsFor(electorate: number): number {
  let digits = 0;
  while (digits < MOST_DIGITS && electorate >= A_BUCKET * 16 ** (digits + 1)) digits += 1;
  return digits;
}

/** A ballot of this credential. */
export interface CastBallot {
  readonly tracker: string;
  readonly height: number;
}

/** Why nothing that the page says of a contest may be believed: no answer came, or what came is not what was sealed. */
export type Trouble = Unreachable | ElectionError;

/** A contest in which the code may vote, with every ballot that was ever cast with it, oldest first. */
export interface Standing {
  readonly contest: Contest;
  /** What the page's words of the contest were checked against. */
  readonly sealed: Sealed | Trouble;
  readonly credential: Credential;
  /** False: because of the trouble it is not known whether the contest lists the code. */
  readonly listed: boolean;
  readonly issued: boolean;
  readonly ballots: readonly CastBallot[];
}

/** What is to be done about a contest, as its name on the page says. */
export type Stage = "to-do" | "in-progress" | "cast" | "not-yet" | "paused" | "closed" | "not-issued" | Ended | Doubtful;

/** Of a contest that is not picked from a list: another one than was sealed, or one that could not be read. */
export type Doubtful = "differs" | "unread";

/** Ends of a contest after which no ballot of it counts. */
export type Ended = "cancelled" | "annulled" | "withheld";

const ENDED: readonly string[] = ["cancelled", "annulled", "withheld"] satisfies Ended[];

export function isEnded(state: string): state is Ended {
  return ENDED.includes(state);
}

export function isDoubtful(stage: Stage): stage is Doubtful {
  return stage === "differs" || stage === "unread";
}

export function stageOf(
  standing: Pick<Standing, "contest" | "sealed" | "issued" | "ballots">,
  begun: ReadonlySet<string>,
): Stage {
  const { contest, sealed, issued, ballots } = standing;
  if (sealed instanceof Unreachable) return "unread";
  if (sealed instanceof ElectionError) return "differs";
  if (contest.state === "sealed") return "not-yet";
  if (contest.state === "suspended") return "paused";
  if (isEnded(contest.state)) return contest.state;
  if (contest.state !== "open") return "closed";
  if (!issued) return "not-issued";
  if (begun.has(contest.uuid)) return "in-progress";
  return ballots.length > 0 ? "cast" : "to-do";
}

/**
 * Of these contests those that list the code's credential, each compared with what was sealed; and those of which, for their
 * trouble, that is not known, as long as another one is found. A trouble of one contest takes no other away. Throws Unreachable or
 * an ElectionError when nothing is found but trouble: Refused `bucket-digits` where the answer would tell the server which code it
 * is, before it is given.
 */
export async function standings(code: string, contests: readonly Contest[], reading: Read = read): Promise<Standing[]> {
  const found: Standing[] = [];
  const all = contests.length <= FEW_CONTESTS;
  // A few at a time: a city has many districts, and a phone few connections.
  for (let at = 0; at < contests.length; at += 6) {
    const some = await Promise.all(contests.slice(at, at + 6).map((contest) => standingIn(code, contest, all, reading)));
    found.push(...some.filter((one): one is Standing => one !== null));
  }
  const troubles = found.map(({ sealed }) => sealed).filter(isTrouble);
  const worst = troubles.find((one) => one instanceof ElectionError) ?? troubles[0];
  if (worst !== undefined && !found.some(({ listed }) => listed)) throw worst;
  return found;
}

/** Asks again for a contest that could not be read; null where it does not list the code. */
export async function askAgain({ contest, credential }: Standing, reading: Read = read): Promise<Standing | null> {
  return lookUp(contest, credential, compared(contest, reading), reading);
}

/** The standing with what was read since: of a contest that was opened after all it is not said that it could not be. */
export function readSince(standing: Standing): Standing {
  const sealed = isTrouble(standing.sealed) && standing.listed ? readBefore(standing.contest) : undefined;
  return sealed === undefined ? standing : { ...standing, sealed };
}

async function standingIn(code: string, contest: Contest, all: boolean, reading: Read): Promise<Standing | null> {
  const early = all || contest.bucket_digits !== 0 ? compared(contest, reading) : null;
  return lookUp(contest, await deriveCredential(code, contest.uuid), early, reading);
}

/** Where the credential stands; `early`: what was sealed, asked for before it is known whether the code is listed. */
async function lookUp(
  contest: Contest,
  credential: Credential,
  early: Promise<Sealed | Trouble> | null,
  reading: Read,
): Promise<Standing | null> {
  try {
    if (contest.bucket_digits !== 0) verifyDigits(contest, await (early ?? compared(contest, reading)));
    const entry = await bucketEntry(contest, credential.publicText, reading);
    if (entry === null) return null;
    return { contest, credential, listed: true, ...entry, sealed: await (early ?? compared(contest, reading)) };
  } catch (error) {
    if (isTrouble(error)) return { contest, credential, listed: false, issued: false, ballots: [], sealed: error };
    throw error;
  }
}

/** What was sealed, where the page says the same of the contest; else why not. */
async function compared(contest: Contest, reading: Read): Promise<Sealed | Trouble> {
  try {
    return await readSealed(contest, reading);
  } catch (error) {
    if (isTrouble(error)) return error;
    throw error;
  }
}

export function isTrouble(found: unknown): found is Trouble {
  return found instanceof Unreachable || found instanceof ElectionError;
}

/** Asks again how this credential stands. Throws Unreachable and Malformed. */
export async function ballotsNow(standing: Standing, reading: Read = read): Promise<readonly CastBallot[]> {
  const entry = await bucketEntry(standing.contest, standing.credential.publicText, reading);
  return entry === null ? [] : entry.ballots;
}

/**
 * Check that the digits asked for leave many credentials alike: among the few of a village three of them would name the one. How
 * many people may vote is the sealed manifest's word, not the page's. Throws Refused `bucket-digits`, and the trouble.
 */
function verifyDigits({ bucket_digits: digits }: Contest, sealed: Sealed | Trouble): void {
  if (isFewDigits(digits) && isTrouble(sealed)) throw sealed;
  const most = isTrouble(sealed) ? MOST_DIGITS : digitsFor(sealed.manifest.electorate);
  if (!isFewDigits(digits) || digits > most) {
    throw new Refused("bucket-digits", `the server asks for ${digits} digits of the credential; at most ${most} are sent`);
  }
}

function isFewDigits(digits: number): boolean {
  return Number.isInteger(digits) && digits >= 0 && digits <= MOST_DIGITS;
}

/** The server learns the first digits, which many credentials share, and never the whole one. */
async function bucketEntry(contest: Contest, credential: string, reading: Read): Promise<Pick<Standing, "issued" | "ballots"> | null> {
  const prefix = credential.slice(0, contest.bucket_digits);
  const answer = object(parse(await reading(`${recordAddress(contest.uuid)}/credentials/${prefix}`)));
  const mine = array(answer.credentials).map((one) => object(one)).find((one) => text(one.credential) === credential);
  if (mine === undefined) return null;
  return {
    issued: text(mine.state) === "issued",
    ballots: array(mine.ballots).map((one) => ({ tracker: digest(object(one).tracker), height: integer(object(one).height) })),
  };
}
