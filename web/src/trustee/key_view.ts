/** Forms and screens about the key file: chosen and opened, made under a passphrase, saved. */

import { openRoom, type Lock, sealRoom, type TrusteeRoom } from "../crypto/key_file.ts";
import { systemRandomness } from "../crypto/scalar.ts";
import { acts, button, type Child, el, paragraph, save } from "../booth/element.ts";
import type { View } from "../booth/stage.ts";
import type { Words } from "../booth/words.ts";

export const LEAST_PASSPHRASE = 12;

/** A room in the page's memory, with what it is saved with, and the number of the file it came from. */
export interface Opened {
  readonly room: TrusteeRoom;
  readonly lock: Lock;
  readonly number: number;
}

/** A field with its label and hint. */
export function field(id: string, label: string, hint: string, attributes: Readonly<Record<string, string | boolean>>): HTMLElement {
  const described = hint === "" ? {} : { "aria-describedby": `${id}-hint` };
  return el(
    "div",
    { class: "field" },
    el("label", { for: id }, label),
    hint === "" ? null : el("span", { class: "hint", id: `${id}-hint` }, hint),
    el("input", { id, name: id, ...described, ...attributes }),
  );
}

/** A form that does `act` with what is in it; its button is off while it works. */
export function form(words: Words, go: string, act: () => Promise<void>, ...children: readonly Child[]): HTMLFormElement {
  const send = el("button", { type: "submit", id: "go" }, go);
  const made = el("form", { novalidate: true }, ...children, acts(send));
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    if (send.disabled) return;
    const working = el("p", { class: "hint", role: "status" }, words.say("working"));
    send.disabled = true;
    made.append(working);
    // The passphrase takes a second to be stretched; the browser draws first.
    setTimeout(() => {
      void act().finally(() => {
        working.remove();
        send.disabled = false;
      });
    }, 30);
  });
  return made;
}

/** The two fields by which the newest key file is opened. */
export function keyFields(words: Words): readonly HTMLElement[] {
  return [
    field("key-file", words.say("file-label"), words.say("file-hint"), { type: "file", accept: ".json,application/json", required: true }),
    field("passphrase", words.say("passphrase-label"), "", { type: "password", autocomplete: "off", required: true }),
  ];
}

export function valueOf(id: string): string {
  const found = document.getElementById(id);
  return found instanceof HTMLInputElement ? found.value : "";
}

/** What the key fields hold, opened; null when no file is chosen. Throws as `openRoom`. */
export async function openChosen(): Promise<Opened | null> {
  const chosen = document.getElementById("key-file");
  const file = chosen instanceof HTMLInputElement ? chosen.files?.[0] : undefined;
  if (file === undefined) return null;
  const opened = await openRoom(new Uint8Array(await file.arrayBuffer()), valueOf("passphrase"));
  return { ...opened, number: Number(/-(\d{1,4})( ?\(\d+\))?\.json$/.exec(file.name)?.[1] ?? "0") };
}

/** The room is offered as the next file; `next` goes on when a person says that it is saved. `complaint`: that is what is in it. */
export async function savingView(words: Words, opened: Opened, why: string, next: (saved: Opened) => void, complaint: boolean): Promise<View> {
  const saved = { ...opened, number: opened.number + 1 };
  const name = `veche-trustee-${opened.room.campaign}-${saved.number}.json`;
  const content = await sealRoom(opened.room, opened.lock, systemRandomness);
  // Off after the press: a second one would begin the same step beside the first.
  const on = button(words.say(complaint ? "save-done-complained" : "save-done"), () => {
    on.disabled = true;
    next(saved);
  }, "second", "saved");
  on.disabled = true;
  const keep = button(words.say("save-go"), () => {
    save(name, content, "application/json");
    on.disabled = false;
  }, "", "save");
  return {
    title: words.say(complaint ? "save-title-complained" : "save-title"),
    body: [
      paragraph(why),
      paragraph(words.say("save-what", { name })),
      acts(keep),
      paragraph(words.say("save-look"), "hint"),
      acts(on),
    ],
  };
}
