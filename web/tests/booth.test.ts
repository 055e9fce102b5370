// The booth's parts that need no page: codes, marks, buckets, drafts, what a tracker page was given, and its sentences.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { codeInFragment, readCode } from "../src/booth/code_entry.ts";
import { seal } from "../src/ballot/manifest.ts";
import { type Contest, readSealed, type Sealed, Unreachable } from "../src/booth/contest.ts";
import { DraftBox, isOfElection, voterOf } from "../src/booth/draft.ts";
import { isLegal, mark, markBlank, markedOf, marksOf, NOTHING, shuffled } from "../src/booth/marking.ts";
import { squares } from "../src/booth/qr_code.ts";
import { parseFragment, soughtFragment } from "../src/booth/sought.ts";
import { stageOf } from "../src/booth/standing.ts";
import { recognise } from "../src/track/found.ts";
import { memory } from "./memory.ts";

const CODE = "RzNc2-cSsyhe-YRN8E-8miFxj";
const UUID = "4mEtPtsNhR4Pz8";
const SETUP = "344a1b0858cba70e4467a2b5347dfbb10eaf5211a6519bef818d05c3dbbfcd75";
const contest: Contest = {
  uuid: UUID,
  campaign: "town",
  title: { en: "Park" },
  state: "open",
  rehearsal: false,
  opens_at: 0,
  closes_at: 1,
  zone: "UTC",
  fingerprint: "3skVpbLYdHq8fhUTNaJTJ+m6IBf0Zm5J8lsBmNSIV4M",
  setup: SETUP,
  setup_event: "{}",
  setup_data: "{}",
  bucket_digits: 2,
};
const question = { text: "?", answers: ["a", "b", "c"], minimum: 1, maximum: 2, blank: true };

test("a code may be pasted with blanks, dashes and Cyrillic look-alikes", () => {
  for (const typed of [CODE, ` ${CODE.replaceAll("-", " ")}\n`, CODE.replaceAll("-", ""), CODE.replace("E", "Е").replace("c", "с").replaceAll("-", "–")]) {
    assert.deepEqual(readCode(typed), { code: CODE });
  }
});

test("what is wrong with a code is said with the group where it stands", () => {
  assert.deepEqual(readCode(CODE.replace("R", "0")), { said: { key: "code-never-used", values: { group: 1 } } });
  assert.deepEqual(readCode(CODE.replace("S", "ж")), { said: { key: "code-cyrillic", values: { group: 2 } } });
  assert.deepEqual(readCode(CODE.replace("8E", "8!")), { said: { key: "code-character", values: { group: 3 } } });
  assert.deepEqual(readCode(CODE.slice(1)), { said: { key: "code-length", values: { found: 21 } } });
  assert.deepEqual(readCode("a".repeat(500)), { said: { key: "code-length", values: { found: 500 } } });
  assert.deepEqual(readCode("  "), { said: { key: "code-empty", values: {} } });
});

test("the fragment of an address brings a code, and the contest it is for", () => {
  assert.equal(codeInFragment(""), null);
  assert.deepEqual(codeInFragment(CODE), { code: CODE, uuid: null, receipt: false });
  assert.deepEqual(codeInFragment(`${CODE}/${UUID}`), { code: CODE, uuid: UUID, receipt: false });
  assert.deepEqual(codeInFragment(`${CODE}/${UUID}/receipt`), { code: CODE, uuid: UUID, receipt: true });
  assert.deepEqual(codeInFragment("%E0%A4%A"), { code: "%E0%A4%A", uuid: null, receipt: false });
});

test("one mark too many is not made, and a blank vote marks nothing else", () => {
  const two = mark(question, mark(question, NOTHING, 0, true), 2, true);
  assert.deepEqual(marksOf([question], [two]), [[0, 1, 0, 1]]);
  assert.deepEqual(marksOf([question], [mark(question, two, 1, true)]), [[0, 1, 0, 1]]);
  assert.deepEqual(marksOf([question], [markBlank(true)]), [[1, 0, 0, 0]]);
  assert.deepEqual(marksOf([question], [mark(question, markBlank(true), 1, true)]), [[0, 0, 1, 0]]);
  assert.deepEqual([NOTHING, two, markBlank(true), markBlank(false)].map((one) => isLegal(question, one)), [false, true, true, false]);
});

test("a draft is taken up as far as it is a legal ballot, and else begins empty", () => {
  assert.deepEqual(marksOf([question], markedOf([question], [[0, 1, 0, 1]])), [[0, 1, 0, 1]]);
  for (const draft of [null, [], [[0, 1]], [[0, 1, 1, 1]]]) {
    assert.deepEqual(markedOf([question], draft as never), [NOTHING]);
  }
});

test("a random order has every answer once, and each comes first as often as another", () => {
  const first = [0, 0, 0];
  for (let draw = 0; draw < 3000; draw += 1) {
    const order = shuffled(3);
    assert.deepEqual([...order].sort(), [0, 1, 2]);
    first[order[0] as number] = (first[order[0] as number] as number) + 1;
  }
  assert.ok(first.every((times) => times > 800), String(first));
});

test("each contest says what is to be done about it", () => {
  const stage = (state: string, ballots: number, begun: string[] = [], issued = true): string =>
    stageOf(
      { contest: { ...contest, state }, sealed: {} as Sealed, issued, ballots: Array(ballots).fill({ tracker: SETUP, height: 1 }) },
      new Set(begun),
    );
  assert.equal(stage("open", 0), "to-do");
  assert.equal(stage("open", 0, [UUID]), "in-progress");
  assert.equal(stage("open", 1), "cast");
  assert.equal(stage("open", 0, [], false), "not-issued");
  assert.deepEqual(["sealed", "suspended", "closed", "certified", "cancelled"].map((state) => stage(state, 0)), ["not-yet", "paused", "closed", "closed", "cancelled"]);
});

test("a record that does not hang on the Setup hash of the letter's seal is refused", async () => {
  assert.equal(seal(SETUP), "GRFB-WCCY-ZOTQ-4RDH");
  const nothing = async (address: string): Promise<Uint8Array> => {
    throw new Unreachable(address);
  };
  await assert.rejects(readSealed(contest, nothing), { code: "setup-differs" });
});

test("a draft stays in its tab, without a code, until its ballot is known to be in", () => {
  const box = new DraftBox(memory());
  const begun = { uuid: UUID, campaign: "town", title: { en: "Park" } };
  box.keepDraft({ ...begun, marks: [[0, 1]], voter: voterOf("hers") });
  assert.deepEqual(box.begun().map(({ uuid }) => uuid), [UUID]);
  box.keepPending({ ...begun, text: "ballot", tracker: SETUP, setup: SETUP, fingerprint: contest.fingerprint });
  assert.deepEqual(box.begun().length, 1);
  assert.deepEqual(box.pending("town").map(({ text }) => text), ["ballot"]);
  assert.deepEqual(box.pending("elsewhere"), []);
  box.forgetPending(UUID);
  box.forgetDraft(UUID);
  assert.deepEqual(box.begun(), []);
});

test("after a reload a ballot on its way is believed only under the Setup hash and fingerprint it was made for", () => {
  const box = new DraftBox(memory());
  const { uuid, campaign, title, setup, fingerprint } = contest;
  box.keepPending({ uuid, campaign, title, setup, fingerprint, text: "ballot", tracker: SETUP });
  const [pending] = box.pending("town");
  assert.ok(pending !== undefined && isOfElection(pending, contest));
  for (const other of [{ setup: "0".repeat(64) }, { fingerprint: "A".repeat(43) }, { uuid: "other" }]) {
    assert.equal(isOfElection(pending, { ...contest, ...other }), false);
  }
  // What an earlier page left says nothing of them.
  assert.equal(isOfElection({ uuid } as never, contest), false);
});

test("one voter's marks are never shown to the next one in the same tab", () => {
  const box = new DraftBox(memory());
  const draft = { uuid: UUID, campaign: "town", title: { en: "Park" }, marks: [[0, 1]] as const, voter: voterOf("hers") };
  box.keepDraft(draft);
  assert.deepEqual(box.draft(UUID, voterOf("hers"))?.marks, [[0, 1]]);
  assert.equal(box.draft(UUID, voterOf("his")), null);
  assert.deepEqual(box.begun(), []);
  box.keepDraft(draft);
  box.keepDraft({ ...draft, uuid: "other", campaign: "elsewhere" });
  box.forgetDrafts("town");
  assert.deepEqual(box.begun().map(({ uuid }) => uuid), ["other"]);
});

test("a tracker page's address names tracker and entry, and nothing else is taken for it", () => {
  for (const index of [null, 0, 18]) {
    const fragment = soughtFragment({ tracker: SETUP, index });
    assert.match(fragment, /^#[A-Za-z0-9_.-]+$/);
    assert.deepEqual(parseFragment(fragment), { tracker: SETUP, index });
  }
  for (const other of ["", "#main", "#x.1", `${soughtFragment({ tracker: SETUP, index: 1 })}0x`]) assert.equal(parseFragment(other), null);
});

test("a tracker page knows a receipt, an acknowledgement, an opened ballot and a tracker", () => {
  const given = (text: string) => recognise(new TextEncoder().encode(text));
  assert.equal(given("c2sp.org/tlog-proof@v1\nindex 1\n\nx\n")?.is, "receipt");
  assert.equal(given('{"veche":"opened/1","election":"x"}\n')?.is, "opened");
  assert.deepEqual(given(` ${SETUP.toUpperCase()}\n`), { is: "tracker", tracker: SETUP, index: null });
  const note = "veche/acknowledgement/v1\norigin\n\n— x y\n";
  for (const [text, index] of [[note, null], [`${note}index 12\n`, 12], [note.replaceAll("\n", "\r\n"), null]] as const) {
    const found = given(text);
    assert.ok(found?.is === "acknowledgement");
    assert.equal(found.index, index);
    assert.equal(new TextDecoder().decode(found.note), note);
  }
  for (const other of ["hello", "", "\ufffe", '{"veche":"other"}']) assert.equal(given(other), null);
});

test("a QR code is drawn as squares, neighbours joined", () => {
  assert.equal(squares([[true, true, false], [false, false, true]]), "M0 0h2v1h-2zM2 1h1v1h-1z");
});

test("every sentence is there in every language, with the same places and all its plural forms", () => {
  const [english, russian] = ["messages/en.json", "../service/locale/ru/scripts.json"].map(
    (path) => JSON.parse(readFileSync(path, "utf-8")) as Record<string, Record<string, string>>,
  ) as [Record<string, Record<string, string>>, Record<string, Record<string, string>>];
  assert.deepEqual(Object.keys(english), Object.keys(russian));
  for (const section of Object.keys(english)) {
    assert.deepEqual(names(english[section] ?? {}, "en"), names(russian[section] ?? {}, "ru"), section);
    for (const [key, text] of Object.entries(english[section] ?? {})) {
      assert.deepEqual(places(russian[section]?.[key] ?? ""), places(text), key);
      assert.ok(russian[section]?.[key]?.trim(), key);
    }
  }
});

/** The names of sentences; one with a number must have each form that the language has. */
function names(section: Record<string, string>, language: string): string[] {
  const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
  const counted = new Set(Object.keys(section).flatMap((key) => /^(.*)\.(?:one|few|many|other)$/.exec(key)?.[1] ?? []));
  for (const name of counted) for (const form of forms) assert.ok(`${name}.${form}` in section, `${language}: ${name}.${form}`);
  return [...counted, ...Object.keys(section).filter((key) => !/\.(?:one|few|many|other)$/.test(key))].sort();
}

function places(text: string): string[] {
  return [...new Set(text.match(/\{[a-z]+\}/g) ?? [])].sort();
}
