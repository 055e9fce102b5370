/** A form is sent once: the second click of a double click would do the same again, or be answered by a refusal of what is done. */

/** Milliseconds for which a form is on its way; after that a press is meant. */
const UNDER_WAY = 5000;

export function sendOnce(): void {
  const sent = new Map<EventTarget, number>();
  addEventListener("submit", (event) => {
    const { target: form } = event;
    if (form === null || event.defaultPrevented) return;
    if (performance.now() - (sent.get(form) ?? Number.NEGATIVE_INFINITY) < UNDER_WAY) event.preventDefault();
    else sent.set(form, performance.now());
  });
  // A page that comes back from the browser's memory may send again at once.
  addEventListener("pageshow", () => sent.clear());
}
