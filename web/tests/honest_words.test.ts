// What the voter's pages say: nothing that was not verified as a fact, and no end of a vote as if its ballots counted.

import assert from "node:assert/strict";
import { test } from "node:test";

import english from "../messages/en.json";
import russian from "../../service/locale/ru/scripts.json";
import type { Manifest } from "../src/ballot/manifest.ts";
import { type Accepted, type Shown, watchLog } from "../src/booth/acceptance.ts";
import { type Contest, type Sealed, Unreachable, verifyContest } from "../src/booth/contest.ts";
import { plain } from "../src/booth/element.ts";
import { Inconsistent } from "../src/crypto/errors.ts";
import { readHanded } from "../src/booth/fragment.ts";
import { missingWitnesses } from "../src/booth/receipt_view.ts";
import { endText } from "../src/booth/seal_view.ts";
import { stageOf, type Trouble } from "../src/booth/standing.ts";
import { fateOfLast } from "../src/booth/standing_view.ts";
import { type Key, Words } from "../src/booth/words.ts";

const BOTH = [new Words(all(english), "en"), new Words(all(russian), "ru")];

function all(sections: Readonly<Record<string, Readonly<Record<string, string>>>>): Record<string, string> {
  return Object.assign({}, ...Object.values(sections)) as Record<string, string>;
}

/** The sentence of this key is there in both languages, each another one. */
function sayable(key: Key): void {
  const [en, ru] = BOTH.map((words) => words.say(key));
  assert.ok(en !== key && ru !== key && en !== ru, key);
}

test("in a vote that was cancelled, annulled or withheld no ballot is said to count", () => {
  for (const state of ["cancelled", "annulled", "withheld"] as const) {
    const fate = fateOfLast(state);
    assert.notEqual(fate, "ballot-counts");
    assert.match(BOTH[0]?.say(fate) ?? "", /not count/);
    const contest = { uuid: "4hVecheTestA11", state } as Accepted["sealed"]["contest"];
    assert.equal(stageOf({ contest, sealed: {} as Sealed, issued: true, ballots: [] }, new Set()), state);
    for (const key of [fate, `stage-${state}`, `track-last-${state}`] as const) sayable(key);
  }
  assert.deepEqual(["open", "suspended", "closed", "certified"].map(fateOfLast), [
    "ballot-counts-so-far", "ballot-counts-so-far", "ballot-counts", "ballot-counts",
  ]);
});

test("whatever state the server names, a vote that is not the sealed one, or could not be read, is told as nothing else", () => {
  const stage = (state: string, sealed: Trouble): string =>
    stageOf({ contest: { uuid: "4hVecheTestA11", state } as Contest, sealed, issued: true, ballots: [] }, new Set(["4hVecheTestA11"]));
  for (const state of ["sealed", "open", "suspended", "closed", "certified", "cancelled"]) {
    assert.equal(stage(state, new Inconsistent("setup-differs", "the title")), "differs");
    assert.equal(stage(state, new Unreachable("manifest.json")), "unread");
  }
  for (const key of ["stage-differs", "stage-unread", "contest-differs-title", "contest-unread-title"] as const) sayable(key);
});

test("that a vote has no witnesses is said only of one whose policy names none", () => {
  assert.equal(missingWitnesses({ quorum: true }, ""), "step-no-witness");
  assert.equal(missingWitnesses({ quorum: false }, "witness one KEY\nquorum one\n"), "step-quorum-missing");
  assert.equal(missingWitnesses({ quorum: true }, "witness one KEY\nquorum one\n"), null);
  sayable("step-quorum-missing");
});

test("a zone that this browser does not know is told in UTC, and says so", () => {
  for (const words of BOTH) {
    assert.equal(words.moment(0, "localtime"), words.moment(0, "UTC"));
    assert.match(words.moment(0, "No/Such"), /\(UTC(\+0)?\)$/);
    assert.match(words.moment(0, "Europe/Moscow"), /\(UTC\+3\)$/);
  }
});

test("signs that turn the direction of a text are not shown", () => {
  assert.equal(plain("Park \u202edna\u2069"), "Park \ufffddna\ufffd");
});

test("a receipt that does not come is told as overdue once, and looked for as long as somebody waits", async () => {
  const sealed = { contest: { uuid: "town" }, manifest: { log: { period: 60 } } };
  const accepted = { sealed, tracker: "0".repeat(64) } as unknown as Accepted;
  const [told, waits]: [Shown[], number[]] = [[], []];
  let looks = 0;
  const reading = async (address: string): Promise<Uint8Array> => {
    looks += 1;
    if (looks < 200) throw new Unreachable(address, 404);
    return new Uint8Array();
  };
  await watchLog(accepted, (shown) => told.push(shown) > 0, reading, async (seconds) => waits.push(seconds));
  assert.deepEqual(told.map(({ is }) => is), ["overdue", "false"]);
  assert.equal(waits.length, 199);
  assert.equal(Math.max(...waits), 300);
  sayable("step-log-overdue");
});

test("what a page hands over is taken once, soon, and only when it is ours", () => {
  const given = { fragment: "CODE/UUID", linked: true };
  assert.deepEqual(readHanded(JSON.stringify({ ...given, at: 1000 }), 2000), given);
  const late = [{ ...given, at: 1000 }, 62_000];
  for (const [written, now] of [late, [{ ...given, at: 3000 }, 2000], [{ fragment: 1, at: 1 }, 2], ["CODE", 2]]) {
    assert.equal(readHanded(JSON.stringify(written), now as number), null);
  }
});

test("a page that says of a contest what was not sealed is refused, and a later end is told as the server's word", () => {
  const same = { campaign: "town", title: { en: "Park", ru: "Парк" }, zone: "UTC", rehearsal: false };
  const manifest = { ...same, opensAt: 10, closesAt: 20, until: 30 } as unknown as Manifest;
  const contest = { ...same, title: { ru: "Парк", en: "Park" }, opens_at: 10, closes_at: 20 } as unknown as Contest;
  verifyContest(contest, manifest);
  verifyContest({ ...contest, closes_at: 30 }, manifest);
  const lies = [
    { title: { en: "Library" } }, { zone: "Asia/Tokyo" }, { campaign: "city" }, { rehearsal: true }, { opens_at: 11 },
    { closes_at: 19 }, { closes_at: 31 }, { closes_at: Number.NaN },
  ];
  for (const lie of lies) assert.throws(() => verifyContest({ ...contest, ...lie }, manifest), { code: "setup-differs" });
  assert.throws(() => verifyContest({ ...contest, closes_at: 21 }, { ...manifest, until: 20 }), { code: "setup-differs" });
  for (const words of BOTH) {
    const end = (closes_at: number): string => endText(words, { contest: { ...contest, closes_at }, manifest } as Sealed, "choose-until");
    assert.ok(end(25).startsWith(end(20)) && end(25).length > end(20).length);
  }
});
