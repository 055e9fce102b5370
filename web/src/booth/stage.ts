/** Where screens are shown: one at a time, its heading focused, so that a screen reader begins at the top of what is new. */

import { type Child, plain, present } from "./element.ts";

/** A screen: its heading, what stands below, and what is said to who cannot see it. */
export interface View {
  readonly title: string;
  readonly body: readonly Child[];
  readonly said?: string;
  /** The element that is focused instead of the heading. */
  readonly focus?: string;
}

export class Stage {
  readonly #place: HTMLElement;
  readonly #live: HTMLElement;
  /** How the titles of a rehearsal begin, on every screen. */
  readonly #before: string;
  #shown = false;

  constructor(place: HTMLElement, live: HTMLElement) {
    this.#place = place;
    this.#live = live;
    const rehearsal = document.querySelector("aside.rehearsal")?.getAttribute("aria-label") ?? null;
    this.#before = rehearsal === null ? "" : `${rehearsal}: `;
  }

  /** Shows the screen; `fresh` when it is another one than before, and not the same with new facts. */
  show(view: View, fresh: boolean): void {
    const heading = document.createElement("h1");
    heading.tabIndex = -1;
    heading.textContent = plain(view.title);
    const kept = fresh ? null : this.#remembered();
    this.#place.replaceChildren(heading, ...present(view.body));
    document.title = `${this.#before}${plain(view.title)} – Veche`;
    this.say(view.said ?? "");
    if (view.focus !== undefined) document.getElementById(view.focus)?.focus();
    else if (kept !== null) kept();
    // The first screen of a page leaves the focus where the browser begins.
    else if (this.#shown && fresh) heading.focus();
    if (fresh && this.#shown) scrollTo(0, 0);
    this.#shown = true;
  }

  /** Puts back, on the same screen drawn anew, what the reader had opened and where she was. */
  #remembered(): () => void {
    const focused = "a, button, input, select, textarea, summary";
    const parts = (): HTMLElement[] => [...this.#place.querySelectorAll<HTMLElement>(focused)];
    const details = (): HTMLDetailsElement[] => [...this.#place.querySelectorAll("details")];
    const at = parts().findIndex((part) => part === document.activeElement);
    const open = details().map((one) => one.open);
    return () => {
      details().forEach((one, place) => {
        one.open = open[place] ?? false;
      });
      parts()[at]?.focus({ preventScroll: true });
    };
  }

  say(text: string): void {
    if (this.#live.textContent !== text) this.#live.textContent = text;
  }
}
