/** Where a voter stands in each contest: the browser asks for a bucket of credentials and finds its own one in it. Design section 5. */

import { type Credential, deriveCredential } from "../ballot/credential.ts";
import { array, digest, integer, object, parse, text } from "../crypto/canonical_json.ts";
import { Refused } from "../crypto/errors.ts";
import { type Contest, type Read, read, readSealed, recordAddress } from "./contest.ts";

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

/** A contest in which the code may vote, with every ballot that was ever cast with it, oldest first. */
export interface Standing {
  readonly contest: Contest;
  readonly credential: Credential;
  readonly issued: boolean;
  readonly ballots: readonly CastBallot[];
}

/** What is to be done about a contest, as its name on the page says. */
export type Stage = "to-do" | "in-progress" | "cast" | "not-yet" | "paused" | "closed" | "not-issued" | Ended;

/** Ends of a contest after which no ballot of it counts. */
export type Ended = "cancelled" | "annulled" | "withheld";

const ENDED: readonly string[] = ["cancelled", "annulled", "withheld"] satisfies Ended[];

export function isEnded(state: string): state is Ended {
  return ENDED.includes(state);
}

export function stageOf(standing: Pick<Standing, "contest" | "issued" | "ballots">, begun: ReadonlySet<string>): Stage {
  const { contest, issued, ballots } = standing;
  if (contest.state === "sealed") return "not-yet";
  if (contest.state === "suspended") return "paused";
  if (isEnded(contest.state)) return contest.state;
  if (contest.state !== "open") return "closed";
  if (!issued) return "not-issued";
  if (begun.has(contest.uuid)) return "in-progress";
  return ballots.length > 0 ? "cast" : "to-do";
}

/**
 * Of these contests those that list the code's credential. Throws Unreachable, Malformed, and Refused `bucket-digits` before
 * anything is asked when the answer would tell the server which code it is.
 */
export async function standings(code: string, contests: readonly Contest[], reading: Read = read): Promise<Standing[]> {
  const found: Standing[] = [];
  // A few at a time: a city has many districts, and a phone few connections.
  for (let at = 0; at < contests.length; at += 6) {
    const some = await Promise.all(contests.slice(at, at + 6).map((contest) => standingIn(code, contest, reading)));
    found.push(...some.filter((one): one is Standing => one !== null));
  }
  return found;
}

async function standingIn(code: string, contest: Contest, reading: Read): Promise<Standing | null> {
  await verifyDigits(contest, reading);
  const credential = await deriveCredential(code, contest.uuid);
  const entry = await bucketEntry(contest, credential.publicText, reading);
  return entry === null ? null : { contest, credential, ...entry };
}

/** Asks again how this credential stands. Throws as `standings`. */
export async function ballotsNow(standing: Standing, reading: Read = read): Promise<readonly CastBallot[]> {
  const entry = await bucketEntry(standing.contest, standing.credential.publicText, reading);
  return entry === null ? [] : entry.ballots;
}

/**
 * Check that the digits asked for leave many credentials alike: among the few of a village three of them would name the one. How many
 * people may vote is the sealed manifest's word, not the page's. Throws as `readSealed`, and Refused `bucket-digits`.
 */
async function verifyDigits(contest: Contest, reading: Read): Promise<void> {
  const digits = contest.bucket_digits;
  const most = digits === 0 ? 0 : isFewDigits(digits) ? digitsFor((await readSealed(contest, reading)).manifest.electorate) : MOST_DIGITS;
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
