// What a voter's page asks of the server to know where she stands: a bucket that names nobody, whatever the page says.

import assert from "node:assert/strict";
import { test } from "node:test";

import { deriveCredential } from "../src/ballot/credential.ts";
import { type Contest, type Read, Unreachable } from "../src/booth/contest.ts";
import { askAgain, digitsFor, readSince, type Standing, standings, stageOf } from "../src/booth/standing.ts";
import { fromHex, base64, sha256Hex, utf8 } from "../src/crypto/bytes.ts";
import { load } from "./vectors.ts";

const CODE = "RzNc2-cSsyhe-YRN8E-8miFxj";
const TRACKER = "344a1b0858cba70e4467a2b5347dfbb10eaf5211a6519bef818d05c3dbbfcd75";
const { manifest: vector } = load("vectors/spec/veche-record-vectors.json");
const { public_key: key } = JSON.parse(load("vectors/spec/web-ballot-vectors.json").election);

/** A sealed contest of so many people, and the files that the server has of it, by their names below the record's address. */
function sealedFor(electorate: number, digits: number, end = ""): { contest: Contest; files: Record<string, string> } {
  const { uuid: before } = JSON.parse(vector.text);
  const manifest = vector.text.replace('"electorate":20', `"electorate":${electorate}`).replace(before, `${before}${end}`);
  const { uuid, campaign, title, zone, opens_at, closes_at, options } = JSON.parse(manifest);
  const questions = options.map((row: { title: string }[]) => ({ answers: row.map((one) => one.title), min: 1, max: 1, question: "?" }));
  const description = `Which one?\nveche:1 level=strict manifest=sha256:${sha256Hex(utf8(manifest))}`;
  const election = JSON.stringify({ version: 1, description, name: "Park", group: "Ed25519", public_key: key, questions, uuid });
  const hash = sha256Hex(utf8(election));
  const setup_data = JSON.stringify({ election: hash, trustees: TRACKER, credentials: TRACKER });
  const setup_event = JSON.stringify({ type: "Setup", payload: sha256Hex(utf8(setup_data)) });
  const fingerprint = base64(fromHex(hash)).replace("=", "");
  const fixed = { uuid, campaign, title, zone, opens_at, closes_at, fingerprint, setup_event, setup_data };
  const contest = { ...fixed, state: "open", rehearsal: false, setup: sha256Hex(utf8(setup_event)), bucket_digits: digits };
  return { contest, files: { [`data/${hash.slice(0, 2)}/${hash}`]: election, "manifest.json": manifest } };
}

/** A server with these files and an honest list; `asked`: the buckets that it was asked for. */
function serving(files: Readonly<Record<string, string>>, credential: string, asked: string[]): Read {
  return async (address) => {
    const name = address.split("/").slice(4).join("/");
    if (name.startsWith("credentials/")) {
      asked.push(name);
      return utf8(`{"credentials":[{"credential":"${credential}","state":"issued","ballots":[{"tracker":"${TRACKER}","height":4}]}]}`);
    }
    const found = files[name];
    if (found === undefined) throw new Unreachable(address, 404);
    return utf8(found);
  };
}

test("the server is asked for a bucket and never for the credential", async () => {
  const { contest, files } = sealedFor(8192, 2);
  const { publicText } = await deriveCredential(CODE, contest.uuid);
  const asked: string[] = [];
  const [mine] = await standings(CODE, [contest], serving(files, publicText, asked));
  assert.deepEqual(asked, [`credentials/${publicText.slice(0, 2)}`]);
  assert.deepEqual(mine?.ballots, [{ tracker: TRACKER, height: 4 }]);
  assert.deepEqual(await standings(CODE, [contest], serving(files, TRACKER, asked)), []);
});

test("a server that asks for more digits than leave a voter among many gets none", async () => {
  assert.deepEqual([0, 511, 512, 8191, 8192, 131071, 131072, 10 ** 9].map(digitsFor), [0, 0, 1, 1, 2, 2, 3, 3]);
  const asked: string[] = [];
  const ask = async (electorate: number, digits: number, lie: Partial<Contest> = {}): Promise<unknown> => {
    const { contest, files } = sealedFor(electorate, digits);
    return standings(CODE, [{ ...contest, ...lie }], serving(files, TRACKER, asked));
  };
  for (const digits of [4, 64, -1, 1.5, Number.NaN, "2" as never]) await assert.rejects(ask(10 ** 6, digits), { code: "bucket-digits" });
  // Three digits of one of twenty name her.
  for (const [people, digits] of [[20, 3], [511, 1], [8191, 2]] as const) await assert.rejects(ask(people, digits), { code: "bucket-digits" });
  await assert.rejects(ask(8192, 2, { setup: TRACKER }), { code: "setup-differs" });
  assert.deepEqual(asked, []);
  for (const [people, digits] of [[20, 0], [512, 1], [131072, 3]] as const) assert.deepEqual(await ask(people, digits), []);
  assert.equal(asked.length, 3);
});

/** A server of so many contests, each with an honest list, which holds the code in those whose place is `listed`. */
async function townOf(count: number, listed: readonly number[]): Promise<{ contests: Contest[]; asked: string[]; reading: Read }> {
  const asked: string[] = [];
  const contests: Contest[] = [];
  const servers = new Map<string, Read>();
  for (let at = 0; at < count; at += 1) {
    const { contest, files } = sealedFor(20, 0, "ABCDEFGHJKLMN"[at]);
    const { publicText } = await deriveCredential(CODE, contest.uuid);
    contests.push(contest);
    servers.set(contest.uuid, serving(files, listed.includes(at) ? publicText : TRACKER, []));
  }
  const reading: Read = (address) => {
    const uuid = address.split("/")[3] ?? "";
    asked.push(`${contests.findIndex((one) => one.uuid === uuid)} ${address.split("/").at(4)}`);
    return (servers.get(uuid) as Read)(address);
  };
  return { contests, asked, reading };
}

test("a vote that is not the sealed one, or cannot be read, is told so, and takes no other one away", async () => {
  const { contests, asked, reading } = await townOf(4, [0, 1, 2]);
  const [good, lied, silent] = contests as [Contest, Contest, Contest];
  const town = [good, { ...lied, title: { en: "Another vote" } }, silent, contests[3] as Contest];
  let down: string | null = `${silent.uuid}/manifest.json`;
  const failing: Read = async (address) => {
    if (down !== null && address.includes(down)) throw new Unreachable(address);
    return reading(address);
  };
  const found = await standings(CODE, town, failing);
  assert.deepEqual(found.map(({ contest }) => contest.uuid), [good.uuid, lied.uuid, silent.uuid]);
  assert.ok(found.every(({ listed }) => listed));
  const [first, second, third] = found.map(({ sealed }) => sealed);
  assert.ok(first !== undefined && "manifest" in first && first.manifest.uuid === good.uuid);
  assert.equal((second as { code?: string }).code, "setup-differs");
  assert.ok(third instanceof Unreachable);
  const unread = found[2] as Standing;
  assert.equal(stageOf(readSince(unread), new Set()), "unread");
  // Where the list itself does not come it is not known whether the code is in it.
  down = `${silent.uuid}/credentials/`;
  const again = await standings(CODE, town, failing);
  assert.deepEqual(again.map(({ listed }) => listed), [true, true, false]);
  down = null;
  const asking = again[2] as Standing;
  assert.deepEqual(await askAgain(asking, reading).then((one) => [one?.listed, "manifest" in (one?.sealed ?? {})]), [true, true]);
  // Opened since, it is no longer told as unread; not so one of which it is not known whether it lists the code.
  assert.deepEqual([unread, asking].map((one) => stageOf(readSince(one), new Set())), ["cast", "unread"]);
  // What fits is read once, for the lists and for the ballot.
  assert.equal(asked.filter((one) => one === "0 manifest.json").length, 1);
  // Nothing but trouble is no list.
  down = "/";
  await assert.rejects(standings(CODE, town.slice(2, 3), failing), Unreachable);
  down = `${good.uuid}/`;
  await assert.rejects(standings(CODE, [{ ...lied, bucket_digits: 3 }, good], failing), { code: "bucket-digits" });
});

test("what was sealed is read of every vote of the page, so that this does not name those that list the code", async () => {
  const few = await townOf(3, [1]);
  const none = await townOf(3, []);
  assert.equal((await standings(CODE, few.contests, few.reading)).length, 1);
  assert.deepEqual(await standings(CODE, none.contests, none.reading), []);
  assert.deepEqual(few.asked.toSorted(), none.asked.toSorted());
  assert.equal(few.asked.length, 9);
  // Of more of them only where the code is listed: a phone does not load what was sealed for every district of a city.
  const many = await townOf(13, [4]);
  await standings(CODE, many.contests, many.reading);
  assert.deepEqual(many.asked.filter((one) => !one.endsWith("credentials")).toSorted(), ["4 data", "4 manifest.json"]);
});
