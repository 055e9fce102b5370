/** What stands behind the # of the page's address is taken out of it at once: no history and no copied link keeps it. */

/** The fragment without its #; null where there is none, or where it names a place of this page, as "to the content" does. */
export function takeFragment(): string | null {
  const fragment = location.hash.slice(1);
  if (fragment === "" || document.getElementById(fragment) !== null) return null;
  history.replaceState(null, "", location.pathname + location.search);
  return fragment;
}

/** Another letter was scanned, or another address opened, while the page was open: it begins anew. */
export function beginAnewOnFragment(): void {
  addEventListener("hashchange", () => {
    if (location.hash !== "" && document.getElementById(location.hash.slice(1)) === null) location.reload();
  });
}
