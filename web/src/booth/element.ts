/** Elements of the page. Text goes in as text: nothing here, or anywhere, makes markup from a string (attack E1). */

export type Child = Node | string | null | undefined | false;
type Attributes = Readonly<Record<string, string | boolean | undefined>>;

/** An element with attributes and children; `true` is an attribute without a value, `false` and `undefined` are none. */
export function el<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (typeof value === "string") made.setAttribute(key, value);
  }
  made.append(...present(children).map((child) => (typeof child === "string" ? plain(child) : child)));
  return made;
}

/** The children that are there. */
export function present(children: readonly Child[]): (Node | string)[] {
  return children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false);
}

/** A button that does this. Of a quick second click the first one has already changed the screen. */
export function button(label: string, act: () => unknown, kind = "", id = ""): HTMLButtonElement {
  const made = el("button", { type: "button", class: kind || undefined, id: id || undefined }, label);
  made.addEventListener("click", () => void act());
  return made;
}

export function link(label: string, address: string, kind = ""): HTMLAnchorElement {
  return el("a", { href: address, class: kind || undefined }, label);
}

export function paragraph(text: string, kind = ""): HTMLParagraphElement {
  return el("p", { class: kind || undefined }, text);
}

/** A list of buttons and links below a text. */
export function acts(...children: readonly Child[]): HTMLElement {
  return el("div", { class: "acts" }, ...children);
}

/** The element with this id. It stands in the page's template. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element ${id}`);
  return found;
}

/** What the page brings along as data; null where it brings nothing of this name. */
export function pageData(id: string): unknown {
  const block = document.getElementById(id);
  return block === null ? null : JSON.parse(block.textContent ?? "null");
}

// Characters that turn the direction of the text after them, and controls: a title could make its line say something else.
const DISTURBING = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** The text without them. */
export function plain(text: string): string {
  return text.replace(DISTURBING, "\ufffd");
}

/** A file for the voter, made in the page: nothing is sent. */
export function save(name: string, content: string | Uint8Array, type: string): void {
  const part = typeof content === "string" ? content : new Uint8Array(content);
  const address = URL.createObjectURL(new Blob([part], { type }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
