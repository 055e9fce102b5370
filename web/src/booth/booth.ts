/** The booth at work: it holds the voter's keys while they are needed, and does what the screens of `voting.ts` ask for. */

import { verifyBallotLength } from "../ballot/ballot_length.ts";
import { type PreparedBallot, prepareBallot } from "../ballot/prepared_ballot.ts";
import { ciphertextsOf } from "../ballot/election.ts";
import { rehearse } from "../ballot/rehearsal.ts";
import { ElectionError } from "../crypto/errors.ts";
import { prepareTables } from "../crypto/group.ts";
import { readCode, type Said, type Scanned } from "./code_entry.ts";
import { lookUp, notListed } from "./code_lookup.ts";
import { type Contest, type Page, readSealed, type Sealed, Unreachable } from "./contest.ts";
import { type DraftBox, type Pending, voterOf } from "./draft.ts";
import type { Accepted } from "./acceptance.ts";
import { type Marked, markedOf, marksOf } from "./marking.ts";
import { ballotsSince, ended, sendOnce } from "./on_its_way.ts";
import { oneAtATime, settled } from "./sending.ts";
import { acceptedOf, ShownReceipt } from "./shown_receipt.ts";
import type { Standing } from "./standing.ts";
import { BEGIN, type Event, type Marks, mayRest, next, type Screen, waitBefore } from "./voting.ts";

/** Minutes without a touch after which the page forgets the voter's keys. */
const REST_MINUTES = 15;

export class Booth {
  readonly page: Page;
  readonly drafts: DraftBox;
  screen: Screen = BEGIN;
  /** What is wrong with the code that was typed last. */
  said: Said | null = null;
  /** Whether the code came in an address, which the browser's history may have kept. */
  linked = false;
  /** Whether the voter has finished here, and nobody came after her. */
  finished = false;
  standings: readonly Standing[] = [];
  sealed: Sealed | null = null;
  marked: readonly Marked[] = [];
  /** The text of a ballot that was opened for a test. */
  opened: string | null = null;
  pending: Pending | null = null;
  /** The ballot that the server says it did not take: its answer is not signed, so the voter may keep the bytes. */
  refused: Pending | null = null;
  #code: string | null = null;
  #receipt: ShownReceipt;
  #prepared: PreparedBallot | null = null;
  #rehearsal = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #draw: (before: Screen) => void;

  constructor(page: Page, drafts: DraftBox, draw: (before: Screen) => void) {
    this.page = page;
    this.drafts = drafts;
    this.#draw = draw;
    this.#receipt = new ShownReceipt(drafts, () => this.draw());
  }

  get accepted(): Accepted | null {
    return this.#receipt.accepted;
  }

  contest(uuid: string): Contest | undefined {
    return this.page.contests.find((one) => one.uuid === uuid);
  }

  standing(uuid: string): Standing | undefined {
    return this.standings.find((one) => one.contest.uuid === uuid);
  }

  /** With what the same page begins where it is now: the code, and the contest that is voted in or whose receipt is shown. */
  get fragment(): string {
    if (this.#code === null) return "";
    const { screen } = this;
    if (screen.at === "accepted") return `${this.#code}/${screen.uuid}/receipt`;
    return "marks" in screen || screen.at === "choosing" || screen.at === "tested" ? `${this.#code}/${screen.uuid}` : this.#code;
  }

  /** Starts with a ballot that has no answer yet, else with the code that came, the receipt that was shown, or the empty field. */
  async begin(scanned: Scanned | null, linked: boolean): Promise<void> {
    this.linked = linked;
    this.touched();
    const [pending] = this.drafts.pending(this.page.campaign);
    if (pending !== undefined && this.contest(pending.uuid) !== undefined) {
      this.pending = pending;
      this.#happens({ it: "sent-before", uuid: pending.uuid });
      await this.sendAgain();
      return;
    }
    if ((scanned === null || scanned.receipt) && (await this.#showKept(scanned?.code ?? null))) return;
    if (scanned === null) this.#draw(this.screen);
    else await this.enter(scanned.code, scanned.receipt ? null : scanned.uuid);
  }

  /** Shows the receipt that the tab has kept, and with a code her other votes; or says why not. False: it kept none. */
  async #showKept(code: string | null): Promise<boolean> {
    const kept = await this.#receipt.kept(this.page);
    if (kept === null) return false;
    if ("key" in kept) {
      // No code is taken up now: with it the receipt would be put away.
      this.said = kept;
      this.#draw(this.screen);
      return true;
    }
    this.linked ||= kept.linked;
    this.sealed = kept.accepted.sealed;
    const mine = code === null ? [] : await lookUp(code, this.page.contests);
    if (!("key" in mine)) this.standings = mine;
    if (this.standings.length > 0) this.#code = code;
    this.#accept(kept.accepted, { it: "receipt-kept", uuid: this.sealed.contest.uuid });
    return true;
  }

  /** The voter has given her code; `uuid`: the contest she comes for, if she has said so. */
  async enter(typed: string, uuid: string | null = null): Promise<void> {
    if (this.screen.at !== "code") return;
    this.finished = false;
    const found = readCode(typed);
    if ("said" in found) {
      this.said = found.said;
      this.#happens({ it: "code-malformed", detail: found.said.key });
      return;
    }
    this.#happens({ it: "code-typed" });
    const mine = await lookUp(found.code, this.page.contests);
    if ("key" in mine) {
      this.said = mine;
      this.#happens({ it: "unreachable" });
      return;
    }
    this.standings = mine;
    if (mine.length > 0) {
      this.#code = found.code;
      this.#receipt.forget(this.page.campaign);
      this.#happens({ it: "listed", only: this.#only(uuid) });
      await this.#open();
      return;
    }
    const { groups, said } = notListed(found.code);
    this.said = said;
    this.#happens({ it: "code-not-listed", groups });
  }

  async pick(uuid: string): Promise<void> {
    const pending = this.#sentBefore(uuid);
    if (pending !== undefined && this.screen.at === "contests") {
      this.pending = pending;
      this.#happens({ it: "sent-before", uuid });
      await this.sendAgain();
      return;
    }
    this.#happens({ it: "contest-picked", uuid });
    await this.#open();
  }

  /** The marks of one question changed; the draft stays on this device. */
  marks(question: number, marked: Marked): void {
    const voter = this.#voter();
    if (this.sealed === null || voter === null) return;
    this.marked = this.marked.map((before, at) => (at === question ? marked : before));
    const { contest, election } = this.sealed;
    const marks = marksOf(election.questions, this.marked);
    this.drafts.keepDraft({ uuid: contest.uuid, campaign: contest.campaign, title: contest.title, marks, voter });
  }

  review(): void {
    if (this.sealed !== null) this.#happens({ it: "reviewed", marks: marksOf(this.sealed.election.questions, this.marked) });
  }

  change(): void {
    this.#drop({ it: "changed" });
  }

  leave(): void {
    this.#drop({ it: "left" });
  }

  /** The ballot is given up, where the screen lets her. */
  #drop(event: Event): void {
    if (next(this.screen, event) === this.screen) return;
    this.#prepared = null;
    this.opened = null;
    this.#happens(event);
  }

  async encrypt(): Promise<void> {
    if (this.screen.at !== "reviewing" || this.sealed === null) return;
    const { uuid, marks } = this.screen;
    const credential = this.standing(uuid)?.credential;
    if (credential === undefined) return;
    this.#rehearsal.abort();
    const { election } = this.sealed;
    const total = election.questions.reduce((sum, question) => sum + ciphertextsOf(question) + 1, 0);
    this.#happens({ it: "encryption-began", total });
    await prepareTables(election.publicKey);
    const onProgress = (done: number, all: number): void => this.#happens({ it: "encryption-went-on", done, total: all });
    this.#prepared = await prepareBallot(election, marks as Marks, credential, { onProgress });
    this.#happens({ it: "encryption-ended", commitment: this.#prepared.commitment });
  }

  /** Opens the ballot for a test: from now on it cannot be signed. */
  test(): void {
    if (this.screen.at !== "encrypted" || this.#prepared === null) return;
    this.opened = this.#prepared.open();
    this.#prepared = null;
    this.#happens({ it: "opened-for-test" });
  }

  /** Casts the ballot, unless another one was cast with this code since the page looked: then the voter is asked first. */
  async cast(): Promise<void> {
    const prepared = this.#prepared;
    if (prepared === null) return;
    // Before anything waits: the second click of a double click finds another screen.
    this.#happens({ it: "cast-clicked" });
    const { screen } = this;
    if (screen.at !== "checking") return;
    await oneAtATime(`veche-cast-${screen.uuid}`, async () => {
      const overtaken = await this.#overtaken(screen.uuid);
      // Only the ballot that was there at the click, and only while nothing else has happened since.
      if (this.screen !== screen || this.#prepared !== prepared) return;
      if (overtaken) {
        this.#happens({ it: "another-was-cast" });
        return;
      }
      this.#sign(screen.uuid, prepared);
      this.#happens({ it: "sent" });
      await this.#send();
    });
  }

  /** Voting has ended, and waiting does not help: the ballot is kept, and the voter goes to her other contests. */
  setAside(): void {
    clearTimeout(this.#timer);
    this.#happens({ it: "set-aside", listed: this.standings.length > 0 });
  }

  /** A ballot of this voter in this contest whose fate is not known. */
  #sentBefore(uuid: string): Pending | undefined {
    const credential = this.standing(uuid)?.credential.publicText;
    if (credential === undefined) return undefined;
    return this.drafts.pending(this.page.campaign).find((one) => one.uuid === uuid && one.text.includes(credential));
  }

  /** Sends the very same ballot again. */
  async sendAgain(): Promise<void> {
    if (this.screen.at !== "unsure") return;
    clearTimeout(this.#timer);
    this.#happens({ it: "sent-again" });
    await this.#send();
  }

  /** Somebody is here: the page rests later, and then whoever comes next finds no receipt either. */
  touched(): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#forget({ key: "code-rested", values: {} }, true), REST_MINUTES * 60_000);
  }

  /** The page is left: no key and no choice of the voter stays in it, as far as a script can see to that. */
  forget(): void {
    this.#forget({ key: "code-rested", values: {} }, false);
  }

  /** The receipt's page knows no code, and the voter gives it again. */
  askCode(): void {
    this.#forget(null, false);
  }

  /** The voter is done: the next one in this tab finds none of her marks. */
  finish(): void {
    if (mayRest(this.screen)) this.drafts.forgetDrafts(this.page.campaign);
    this.finished = true;
    this.#forget(null, true);
  }

  /** `puttingAway`: the tab keeps the receipt no longer. */
  #forget(said: Said | null, puttingAway: boolean): void {
    if (!mayRest(this.screen)) return;
    this.#code = null;
    this.standings = [];
    this.#prepared = null;
    this.marked = [];
    this.opened = null;
    this.refused = null;
    if (puttingAway) this.#receipt.forget(this.page.campaign);
    else this.#receipt.hide();
    this.said = said;
    this.#happens({ it: "rested" });
  }

  /** The same screen again, with what is known now. */
  draw(): void {
    this.#draw(this.screen);
  }

  #happens(event: Event): void {
    const before = this.screen;
    this.screen = next(before, event);
    if (this.screen !== before) this.#draw(before);
  }

  /** The one contest to go to at once: the one she comes for, or the only one that is open to her and not cast yet. */
  #only(uuid: string | null): string | null {
    const open = this.standings.filter(({ contest, issued }) => contest.state === "open" && issued);
    if (uuid !== null && open.some(({ contest }) => contest.uuid === uuid) && this.#sentBefore(uuid) === undefined) return uuid;
    const [first, second] = open;
    if (first === undefined || second !== undefined || this.#sentBefore(first.contest.uuid) !== undefined) return null;
    return first.ballots.length === 0 ? first.contest.uuid : null;
  }

  async #open(): Promise<void> {
    if (this.screen.at !== "opening") return;
    const contest = this.contest(this.screen.uuid);
    if (contest === undefined) return;
    try {
      const sealed = await readSealed(contest);
      verifyBallotLength(contest.uuid, sealed.election.questions);
      this.sealed = sealed;
    } catch (error) {
      const tooLong = error instanceof ElectionError && error.code === "ballot-too-long";
      const why = error instanceof Unreachable ? "offline" : tooLong ? "too-long" : "false-record";
      this.#happens({ it: "contest-unreadable", why });
      return;
    }
    const { questions, publicKey } = this.sealed.election;
    const voter = this.#voter();
    this.marked = markedOf(questions, voter === null ? null : (this.drafts.draft(contest.uuid, voter)?.marks ?? null));
    // Another ballot is begun: what becomes of it is not to be taken for what became of the one before.
    this.#receipt.forget(this.page.campaign);
    this.refused = null;
    this.#happens({ it: "contest-read" });
    // While the voter reads, what she would wait for after her press is made ready.
    this.#rehearsal.abort();
    const { signal } = (this.#rehearsal = new AbortController());
    await prepareTables(publicKey);
    await rehearse(this.sealed.election, signal);
  }

  /** Whose marks are made here, in the contest that was read. */
  #voter(): string | null {
    const credential = this.sealed === null ? undefined : this.standing(this.sealed.contest.uuid)?.credential;
    return credential === undefined ? null : voterOf(credential.publicText);
  }

  /** Whether a ballot came in with this credential since the page last looked. Without a true answer nothing is known. */
  async #overtaken(uuid: string): Promise<boolean> {
    const standing = this.standing(uuid);
    const ballots = standing === undefined ? null : await ballotsSince(standing);
    if (standing === undefined || ballots === null) return false;
    this.#stands(uuid, ballots);
    return ballots.length > standing.ballots.length;
  }

  #stands(uuid: string, ballots: Standing["ballots"]): void {
    this.standings = this.standings.map((one) => (one.contest.uuid === uuid ? { ...one, ballots } : one));
  }

  #sign(uuid: string, prepared: PreparedBallot): void {
    const contest = this.sealed?.contest;
    if (contest?.uuid !== uuid) throw new Error("there is no contest of this ballot");
    const signed = prepared.sign();
    this.#prepared = null;
    const { campaign, title, setup, fingerprint } = contest;
    this.pending = { uuid, campaign, title, setup, fingerprint, ...signed };
    this.drafts.keepPending(this.pending);
  }

  async #send(): Promise<void> {
    const { pending, screen } = this;
    if (pending === null || screen.at !== "sending") return;
    const attempted = await sendOnce(pending, this.contest(pending.uuid), this.sealed);
    const fate = settled(attempted.fate, screen.attempt);
    this.sealed = attempted.sealed;
    if (fate.is === "unknown") {
      const wait = waitBefore(screen.attempt, fate.wait);
      const doubt = fate.doubt === "ended" ? await ended(pending) : fate.doubt;
      this.#happens({ it: "fate-unknown", doubt, wait });
      this.#timer = setTimeout(() => void this.sendAgain(), wait * 1000);
      return;
    }
    this.drafts.forgetPending(pending.uuid);
    this.pending = null;
    if (fate.is === "refused") {
      this.refused = pending;
      this.#happens({ it: "refused", code: fate.code });
      return;
    }
    this.drafts.forgetDraft(pending.uuid);
    this.marked = [];
    if (this.sealed !== null) this.#accept(acceptedOf(fate.note, this.sealed, pending.tracker), { it: "acknowledged" });
  }

  #accept(accepted: Accepted, event: Event): void {
    const { tracker, said, sealed } = accepted;
    const { uuid } = sealed.contest;
    const before = this.standing(uuid)?.ballots ?? [];
    if (!before.some((one) => one.tracker === tracker)) this.#stands(uuid, [...before, { tracker, height: said.height }]);
    this.#receipt.show(accepted, this.linked);
    this.#happens(event);
    this.#receipt.watch();
  }
}
