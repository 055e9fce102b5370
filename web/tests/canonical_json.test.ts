import assert from "node:assert/strict";
import { test } from "node:test";

import { utf8 } from "../src/crypto/bytes.ts";
import { array, dumps, encode, fields, integer, type Json, parse, parseCanonical } from "../src/crypto/canonical_json.ts";
import { load } from "./vectors.ts";

const WRITTEN: [Json, string][] = [
  ["é/中", '"é/中"'],
  ['"\\', '"\\"\\\\"'],
  ["\b\f\n\r\t", '"\\b\\f\\n\\r\\t"'],
  ["\x00\x1f\x7f", '"\\u0000\\u001f\\u007f"'],
  ["\u2028\u2029🌳", '"\u2028\u2029🌳"'],
  [{ b: 1, a: [true, null] }, '{"b":1,"a":[true,null]}'],
  [2n ** 70n, "1180591620717411303424"],
  [JSON.parse('{"__proto__":1}') as Json, '{"__proto__":1}'],
];

for (const [value, written] of WRITTEN) {
  test(`${written} is read and written as Python does`, () => {
    assert.equal(dumps(value), written);
    assert.equal(dumps(parseCanonical(utf8(written))), written);
  });
}

const HOSTILE: Record<string, string | Uint8Array> = {
  "minus zero": "-0",
  "doubled key": '{"a":1,"a":1}',
  "doubled key inside": '[{"a":{"b":1,"b":2}}]',
  "key doubled by an escape": '{"a":1,"\\u0061":2}',
  "key that an object has anyway, twice": '{"__proto__":1,"__proto__":1}',
  "key that would move to the front": '{"b":1,"0":1}',
  NaN: "[NaN]",
  Infinity: "-Infinity",
  "1e2": "1e2",
  "1.0": "1.0",
  "5000 digits": "9".repeat(5000),
  "leading zero": "01",
  plus: "+1",
  "byte order mark": "\ufeff1",
  "UTF-16": new Uint8Array([0xff, 0xfe, 0x31, 0]),
  "bytes after the end": '{"a":1}x',
  "zero byte after the end": "1\x00",
  "two values": "1 2",
  nothing: "",
  "only space": " ",
  "no-break space": "\u00a01",
  "not UTF-8": new Uint8Array([0x22, 0xff, 0x22]),
  "overlong UTF-8": new Uint8Array([0x22, 0xc0, 0xaf, 0x22]),
  "surrogate in UTF-8": new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]),
  "half a surrogate pair": '"\\ud800"',
  "other half": '["a\\uDFFFb"]',
  "half a pair as a key": '{"\\ud800":1}',
  "raw control character": '"\x01"',
  "raw newline": '"\n"',
  "single quotes": "{'a':1}",
  "trailing comma": "[1,]",
  comment: "1//x",
  "17 levels": "[".repeat(17) + "]".repeat(17),
  "unknown escape": '"\\x41"',
  "unclosed string": `"${"a".repeat(100_000)}`,
  "100,000 brackets": "[".repeat(100_000),
};

for (const [name, hostile] of Object.entries(HOSTILE)) {
  test(`refused in any form: ${name}`, () => {
    assert.throws(() => parse(typeof hostile === "string" ? utf8(hostile) : hostile), { name: "Malformed" });
  });
}

for (const one of [' {"a":1}', '{"a": 1}', '"\\u0041"', '"\\/"', '"\\u007F"', '"\x7f"', "[1]\n"]) {
  test(`readable but not canonical: ${JSON.stringify(one)}`, () => {
    parse(utf8(one));
    assert.throws(() => parseCanonical(utf8(one)), { code: "not-canonical" });
  });
}

test("16 levels, and every text of the worked record, come back to the byte", () => {
  parseCanonical(utf8("[".repeat(16) + "]".repeat(16)));
  const { annexes, strong_decryption } = load("vectors/spec/veche-record-vectors.json");
  for (const written of [...annexes.texts.map((one: { text: string }) => one.text), strong_decryption.election, strong_decryption.tally]) {
    assert.deepEqual(encode(parseCanonical(utf8(written))), utf8(written));
  }
});

test("fields have their order, numbers their range, and nothing half a character or half exact is written", () => {
  assert.deepEqual({ ...fields(parse(utf8('{"a":1,"c":2}')), ["a", "b", "c"], ["b"]) }, { a: 1, c: 2 });
  for (const wrong of ['{"c":2,"a":1}', '{"a":1}', '{"a":1,"b":1,"c":1,"d":1}', "[]", "null"]) {
    assert.throws(() => fields(parse(utf8(wrong)), ["a", "b", "c"], ["b"]), { code: "wrong-fields" });
  }
  for (const wrong of [true, 2n ** 60n, "1", -1, undefined]) assert.throws(() => integer(wrong), { code: "wrong-type" });
  assert.throws(() => array([1], 2), { code: "wrong-length" });
  for (const wrong of ["\ud800", 0.5, 2 ** 60, Number.NaN, { 5: 1 }]) assert.throws(() => encode(wrong), { code: "not-canonical" });
});
