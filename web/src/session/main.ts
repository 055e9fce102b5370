/**
 * The organizer's session: two minutes before it ends a warning appears, and a button makes it go on without leaving the page.
 * Nothing here is needed: without this script the page says when the session ends, and a form that comes too late is kept. What
 * is pressed twice by a double click is sent once.
 */

import { sendOnce } from "./once.ts";

/** Seconds before the end at which the warning appears (WCAG 2.2.1). */
const WARNED = 120;

interface Session {
  readonly left: number;
  readonly csrf: string;
}

function part<T extends HTMLElement>(root: HTMLElement, selector: string): T {
  const found = root.querySelector<T>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}

/** The session as the server knows it, which asking prolongs; null when it is over. */
async function ask(address: string): Promise<Session | null> {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, cache: "no-store", credentials: "same-origin" });
  if (!answer.ok) return null;
  const found: unknown = await answer.json();
  if (typeof found !== "object" || found === null || !("left" in found) || !("csrf" in found)) return null;
  return typeof found.left === "number" && typeof found.csrf === "string" ? { left: found.left, csrf: found.csrf } : null;
}

function watch(root: HTMLElement): void {
  const warning = part(root, "[data-warning]");
  const words = part(root, "[data-words]");
  const button = part<HTMLButtonElement>(root, "[data-button]");
  let ends = Date.now() + Number(root.dataset["left"]) * 1000;
  let said = "";

  /** Says it once: a live region that changes every second is read aloud every second. */
  const say = (name: "soon" | "over" | "stayed"): void => {
    if (said === name) return;
    said = name;
    warning.hidden = false;
    words.textContent = words.dataset[name] ?? "";
  };

  const look = (): void => {
    const left = (ends - Date.now()) / 1000;
    if (left <= 0) say("over");
    else if (left <= WARNED) say("soon");
  };

  button.addEventListener("click", () => {
    void ask(root.dataset["ask"] ?? "")
      .catch(() => null)
      .then((session) => {
        if (session === null) {
          say("over");
          return;
        }
        ends = Date.now() + session.left * 1000;
        // After signing in anew in another window the forms of this page carry the new session's token.
        for (const field of document.querySelectorAll<HTMLInputElement>('input[name="csrf"]')) field.value = session.csrf;
        say("stayed");
      });
  });
  look();
  window.setInterval(look, 1000);
}

const root = document.getElementById("session");
if (root !== null) watch(root);
sendOnce();
