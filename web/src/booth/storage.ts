/** What a browser keeps for a page: of this tab, or of this device. Where it keeps nothing, the page works all the same. */

/** What of a browser's storage is used here. */
export type Kept = Pick<Storage, "length" | "key" | "getItem" | "setItem" | "removeItem">;

/** The storage of this tab; where the browser gives none, as with all cookies forbidden, one that ends with the page. */
export function tabStorage(): Kept {
  return given(() => sessionStorage);
}

/** The storage of this device, which outlives the tab; where the browser gives none, one that ends with the page. */
export function deviceStorage(): Kept {
  return given(() => localStorage);
}

/** The value is kept, unless storage is full or forbidden: then only a reload, or another tab, does without it. */
export function keep(storage: Kept, key: string, value: string): void {
  try {
    storage.setItem(key, value);
  } catch {
    // Nothing that counts hangs on it.
  }
}

function given(storage: () => Storage): Kept {
  try {
    return storage();
  } catch {
    return new Fleeting();
  }
}

class Fleeting implements Kept {
  readonly #found = new Map<string, string>();

  get length(): number {
    return this.#found.size;
  }

  key(at: number): string | null {
    return [...this.#found.keys()][at] ?? null;
  }

  getItem(key: string): string | null {
    return this.#found.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#found.set(key, value);
  }

  removeItem(key: string): void {
    this.#found.delete(key);
  }
}
