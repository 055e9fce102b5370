// Where a browser keeps nothing: pages work, with a memory of their own that ends with them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { deviceStorage, keep, tabStorage } from "../src/booth/storage.ts";

for (const [name, storage] of [["sessionStorage", tabStorage], ["localStorage", deviceStorage]] as const) {
  test(`a browser that forbids ${name} keeps things as long as the page is there, and a full one keeps nothing and says nothing`, (t) => {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    t.after(() => (before === undefined ? Reflect.deleteProperty(globalThis, name) : Object.defineProperty(globalThis, name, before)));
    const refuse = (): never => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    };
    Object.defineProperty(globalThis, name, { configurable: true, get: refuse });
    const fleeting = storage();
    keep(fleeting, "key", "value");
    assert.deepEqual([fleeting.getItem("key"), fleeting.key(0), fleeting.length], ["value", "key", 1]);
    assert.equal(storage().getItem("key"), null);
    const full = { length: 0, key: () => null, getItem: () => null, setItem: refuse, removeItem: () => undefined };
    Object.defineProperty(globalThis, name, { configurable: true, get: () => full });
    keep(storage(), "key", "value");
    assert.equal(storage().getItem("key"), null);
  });
}
