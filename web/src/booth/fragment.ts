/**
 * How a code gets to a page: behind the # of the address, as the letter's link has it, or from the page before in the same tab.
 *
 * What came in the address is taken out of it at once, so that no link that is copied later has it. The browser's own history may
 * keep the address all the same, and no page can change that: who came so is told when she finishes. We make no such address ourselves.
 */

const HANDED = "veche/handed";

/** Milliseconds after which nobody is there any more for whom it was. */
const LONGEST = 60_000;

/** What a page begins with. `linked`: it stood in an address, which the browser's history may have kept. */
export interface Given {
  readonly fragment: string;
  readonly linked: boolean;
}

/** What the page begins with: what stood behind the #, else what the page before has handed over; null for neither. */
export function takeGiven(): Given | null {
  const handed = takeHanded();
  const fragment = takeFragment();
  return fragment === null ? handed : { fragment, linked: true };
}

/** The fragment without its #; null where there is none, or where it names a place of this page, as "to the content" does. */
export function takeFragment(): string | null {
  const fragment = location.hash.slice(1);
  if (fragment === "" || document.getElementById(fragment) !== null) return null;
  history.replaceState(null, "", location.pathname + location.search);
  return fragment;
}

/**
 * The next page of ours in this tab begins with this: it takes it out of the tab's storage before anything else. Nothing is left on
 * a disk, because browsers write that storage down some seconds later.
 */
export function handOver(given: Given): void {
  if (given.fragment === "") return;
  try {
    sessionStorage.setItem(HANDED, JSON.stringify({ ...given, at: Date.now() }));
    // Where the next page never came.
    setTimeout(() => sessionStorage.removeItem(HANDED), LONGEST);
  } catch {
    // No storage: the next page asks for the code.
  }
}

/** Takes what the page before has handed over; whatever becomes of it, it is gone. */
function takeHanded(): Given | null {
  try {
    const found = sessionStorage.getItem(HANDED);
    sessionStorage.removeItem(HANDED);
    return found === null ? null : readHanded(found, Date.now());
  } catch {
    return null;
  }
}

/** What was handed over, unless it is too old or none of ours. Throws for what is no JSON. */
export function readHanded(written: string, now: number): Given | null {
  const found: unknown = JSON.parse(written);
  if (typeof found !== "object" || found === null || !("fragment" in found) || !("at" in found)) return null;
  const { fragment, at } = found;
  if (typeof fragment !== "string" || typeof at !== "number" || at > now || now - at > LONGEST) return null;
  return { fragment, linked: "linked" in found && found.linked === true };
}

/**
 * The links to this page in other languages hand over what the same page begins with: who changes the language in the middle of a
 * vote does not type her code again. In a tab of its own the other page asks for it.
 */
export function takeAlong(given: () => Given): void {
  for (const link of languages()) {
    link.addEventListener("click", (event) => {
      if (!(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)) handOver(given());
    });
  }
}

/** The links to this page in other languages keep what stands behind the #: for what is no secret. */
export function keepFragment(): void {
  for (const link of languages()) {
    for (const kind of ["click", "auxclick"]) {
      link.addEventListener(kind, () => {
        link.hash = location.hash;
      });
    }
  }
}

function languages(): NodeListOf<HTMLAnchorElement> {
  return document.querySelectorAll<HTMLAnchorElement>(".languages a");
}

/** Another letter was scanned, or another address opened, while the page was open: it begins anew. */
export function beginAnewOnFragment(begin: () => void = () => location.reload()): void {
  addEventListener("hashchange", () => {
    if (location.hash !== "" && document.getElementById(location.hash.slice(1)) === null) begin();
  });
}

/** The same for what must not stay in the address: it is out of it before the page begins anew. */
export function beginAnewWithCode(): void {
  beginAnewOnFragment(() => {
    const fragment = takeFragment();
    if (fragment !== null) handOver({ fragment, linked: true });
    location.reload();
  });
}
