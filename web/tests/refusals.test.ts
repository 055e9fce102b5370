// What a trustee is told: who refused, and what happens next. Nothing is promised that the page does not do.

import assert from "node:assert/strict";
import { test } from "node:test";

import english from "../messages/en.json";
import { Words } from "../src/booth/words.ts";
import { Refused } from "../src/crypto/errors.ts";
import { sentenceOf } from "../src/trustee/refusals.ts";
import { ServerRefused, Silent } from "../src/trustee/server.ts";

const words = new Words(Object.assign({}, ...Object.values(english)) as Record<string, string>, "en");

test("what the page itself found wrong in the record is not told as the server's refusal", () => {
  for (const code of ["unknown-credential", "wrong-election"]) {
    assert.match(sentenceOf(words, new Refused(code, "found here")), /^Something is not right here/);
  }
  assert.match(sentenceOf(words, new ServerRefused("rules-open", "by the server")), /^The server refused this \(rules-open\)/);
});

test("after a press the page does not promise to ask again by itself", () => {
  assert.match(sentenceOf(words, new Silent("no answer")), /press again/);
  assert.match(words.say("offline-asking"), /asks again by itself/);
});
