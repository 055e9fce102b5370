/** The ballot as the voter marks it: one group of choices per question, with the number of marks said as they are made. */

import type { Question } from "../ballot/election.ts";
import type { Booth } from "./booth.ts";
import type { Option } from "../ballot/manifest.ts";
import { readText, type Sealed } from "./contest.ts";
import { acts, button, el, paragraph } from "./element.ts";
import { isLegal, isSingle, mark, markBlank, type Marked, NOTHING, shuffled } from "./marking.ts";
import { endText, sealLine } from "./seal_view.ts";
import type { View } from "./stage.ts";
import type { Words } from "./words.ts";

/** The order in which the answers of a contest are shown here, by question; the ballot's own until the voter asks for another. */
const orders = new Map<string, readonly (readonly number[])[]>();

export function chooseView(words: Words, booth: Booth, sealed: Sealed): View {
  const { contest, election } = sealed;
  const mistakes = election.questions.map(() => el("span", { class: "mistake", role: "alert" }));
  const form = el(
    "form",
    { novalidate: true },
    ...election.questions.map((question, at) => questionView(words, booth, sealed, question, at, mistakes[at] as HTMLElement)),
    acts(el("button", { type: "submit" }, words.say("choose-review"))),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wrong = election.questions.findIndex((question, at) => !isLegal(question, booth.marked[at] ?? NOTHING));
    mistakes.forEach((mistake, at) => {
      mistake.textContent = at === wrong ? words.say("choose-missing", { number: at + 1 }) : "";
    });
    if (wrong < 0) booth.review();
    else form.querySelector<HTMLInputElement>(`fieldset:nth-of-type(${wrong + 1}) input`)?.focus();
  });
  const again = (booth.standing(contest.uuid)?.ballots.length ?? 0) > 0;
  const several = booth.standings.length > 1;
  const description = election.description.split("\n").slice(0, -1).join("\n").trim();
  return {
    title: words.title(contest.title),
    body: [
      sealLine(words, contest),
      description === "" ? null : paragraph(description, "prose"),
      again ? paragraph(words.say("choose-again"), "note") : null,
      form,
      election.questions.some((question) => question.answers.length > 1) ? orderButton(words, booth, sealed) : null,
      paragraph(endText(words, sealed, "choose-until"), "small quiet"),
      several ? acts(button(words.say("contests-all"), () => booth.leave(), "plain")) : null,
    ],
  };
}

function questionView(
  words: Words,
  booth: Booth,
  sealed: Sealed,
  question: Question,
  at: number,
  mistake: HTMLElement,
): HTMLElement {
  const state = el("p", { role: "status", class: "small", id: `chosen-${at}` });
  const inputs = new Map<number, HTMLInputElement>();
  const blank = question.blank ? choiceInput(question, at, "blank") : null;
  const show = (marked: Marked, full = false): void => {
    for (const [answer, input] of inputs) input.checked = marked.chosen.has(answer);
    if (blank !== null) blank.checked = marked.blank;
    state.textContent = isSingle(question) && !marked.blank ? "" : countText(words, question, marked, full);
  };
  const become = (marked: Marked, full = false): void => {
    booth.marks(at, marked);
    mistake.textContent = "";
    show(marked, full);
  };
  const rows = orderOf(sealed, at).map((answer) => {
    const input = choiceInput(question, at, String(answer));
    inputs.set(answer, input);
    input.addEventListener("change", () => {
      const before = booth.marked[at] ?? NOTHING;
      const after = mark(question, before, answer, input.checked);
      become(after, input.checked && !after.chosen.has(answer));
    });
    const option = sealed.manifest.options[at]?.[answer];
    return row(input, question.answers[answer] ?? "", costText(words, sealed, option), about(words, sealed, option));
  });
  blank?.addEventListener("change", () => become(markBlank(blank.checked)));
  show(booth.marked[at] ?? NOTHING);
  return el(
    "fieldset",
    { "aria-describedby": `hint-${at}` },
    el("legend", {}, question.text),
    el("span", { class: "hint", id: `hint-${at}` }, ruleText(words, question)),
    mistake,
    el("ul", { class: "choices" }, ...rows, blank === null ? null : row(blank, words.say("blank-vote"), "")),
    state,
  );
}

function choiceInput(question: Question, at: number, value: string): HTMLInputElement {
  // Browsers must not put old marks back: only the draft may.
  const kind = isSingle(question) ? "radio" : "checkbox";
  return el("input", { type: kind, name: `question-${at}`, value, id: `answer-${at}-${value}`, autocomplete: "off" });
}

function row(input: HTMLInputElement, name: string, cost: string, more: HTMLElement | null = null): HTMLElement {
  return el("li", {}, el("label", {}, input, el("span", {}, name, cost === "" ? null : el("span", { class: "hint" }, cost))), more);
}

/** What an option is, on opening it: beside the choice, so that reading marks nothing. */
function about(words: Words, sealed: Sealed, option: Option | undefined): HTMLElement | null {
  const name = option?.text;
  if (option === undefined || name === undefined) return null;
  const said = paragraph("…", "prose");
  const part = el("details", { class: "about" }, el("summary", {}, words.say("choose-about"), el("span", { class: "sr" }, `: ${option.title}`)), said);
  part.addEventListener("toggle", () => {
    if (!part.open) return;
    const read = readText(sealed, name).catch(() => words.say("choose-about-missing"));
    void read.then((text) => said.replaceChildren(el("span", {}, text)));
  });
  return part;
}

function ruleText(words: Words, { minimum, maximum }: Question): string {
  if (minimum === 1 && maximum === 1) return words.say("choose-one");
  if (minimum === maximum) return words.count("choose-exactly", maximum);
  if (minimum <= 1) return words.count("choose-up-to", maximum);
  return words.say("choose-between", { least: minimum, most: maximum });
}

function countText(words: Words, { maximum }: Question, { blank, chosen }: Marked, full: boolean): string {
  if (blank) return words.say("chosen-blank");
  return full ? words.say("chosen-all", { most: maximum }) : words.say("chosen", { chosen: chosen.size, most: maximum });
}

function costText(words: Words, sealed: Sealed, option: Option | undefined): string {
  return option?.cost === undefined ? "" : words.say("cost", { cost: words.money(option.cost, sealed.manifest.currency ?? null) });
}

function orderOf({ contest, election }: Sealed, at: number): readonly number[] {
  const inOrder = election.questions[at]?.answers.map((_, answer) => answer) ?? [];
  return orders.get(contest.uuid)?.[at] ?? inOrder;
}

function orderButton(words: Words, booth: Booth, { contest, election }: Sealed): Node {
  const random = orders.has(contest.uuid);
  return acts(
    button(
      words.say(random ? "choose-in-order" : "choose-shuffle"),
      () => {
        if (random) orders.delete(contest.uuid);
        else orders.set(contest.uuid, election.questions.map(({ answers }) => shuffled(answers.length)));
        booth.draw();
        document.getElementById("order")?.focus();
      },
      "plain",
      "order",
    ),
  );
}
