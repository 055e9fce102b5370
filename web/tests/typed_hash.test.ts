// What a trustee types by ear: taken however it is written, and never taken when it is another one.

import assert from "node:assert/strict";
import { test } from "node:test";

import { compareHeard, grouped, plain } from "../src/trustee/typed_hash.ts";

const HASH = "00c0ffee1234abcd5678beef9999ace0a1b2c3d4e5f60718293a4b5c6d7e8f90";

test("a hash is the same in groups, in capital letters, with dashes, and with Cyrillic letters that look like Latin ones", () => {
  const spoken = [HASH, grouped(HASH), ` ${grouped(HASH).toUpperCase()}\n`, HASH.replace(/.{8}/g, "$&-"), HASH.replaceAll("a", "а").replaceAll("c", "С")];
  for (const typed of spoken) assert.deepEqual(compareHeard(HASH, typed), { kind: "same" }, typed);
  assert.equal(grouped(HASH).split(" ").length, 8);
});

test("what differs is told by its group, and no part of a hash stands for the whole", () => {
  const twice = `${HASH.slice(0, 15)}e${HASH.slice(16, 63)}1`;
  assert.deepEqual(compareHeard(HASH, twice), { kind: "other", groups: [2, 8] });
  for (let at = 0; at < 64; at += 1) {
    const other = HASH.slice(0, at) + (HASH[at] === "7" ? "8" : "7") + HASH.slice(at + 1);
    assert.deepEqual(compareHeard(HASH, other), { kind: "other", groups: [Math.floor(at / 8) + 1] });
    assert.deepEqual(compareHeard(HASH, HASH.slice(0, at)), at === 0 ? { kind: "nothing" } : { kind: "unfit", found: at });
  }
  assert.deepEqual(compareHeard(HASH, " - "), { kind: "nothing" });
  assert.deepEqual(compareHeard(HASH, `${HASH}0`), { kind: "unfit", found: 65 });
  assert.deepEqual(compareHeard(HASH, HASH.replace("f", "g")), { kind: "unfit", found: 63 });
});

test("a seal from a letter is plain however it is typed", () => {
  assert.equal(plain("АBCD-efgh 2345-ЕFGH"), "abcdefgh2345efgh");
});
