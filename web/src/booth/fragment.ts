/** What stands behind the # of the page's address is taken out of it at once: no history and no copied link keeps it. */

/** The fragment without its #; null where there is none, or where it names a place of this page, as "to the content" does. */
export function takeFragment(): string | null {
  const fragment = location.hash.slice(1);
  if (fragment === "" || document.getElementById(fragment) !== null) return null;
  history.replaceState(null, "", location.pathname + location.search);
  return fragment;
}

/**
 * The links to this page in other languages take along what stood behind its #, from the click on and no longer: who changes the
 * language in the middle of a vote does not type her code again. It stands nowhere else, and no server gets it.
 */
export function takeAlong(fragment: () => string): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>(".languages a")) {
    const bare = link.href;
    const go = (): void => {
      link.hash = fragment();
      // The browser has read the address when the click is done with.
      setTimeout(() => {
        link.href = bare;
      });
    };
    for (const kind of ["click", "auxclick"]) link.addEventListener(kind, go);
  }
}

/** Another letter was scanned, or another address opened, while the page was open: it begins anew. */
export function beginAnewOnFragment(): void {
  addEventListener("hashchange", () => {
    if (location.hash !== "" && document.getElementById(location.hash.slice(1)) === null) location.reload();
  });
}
