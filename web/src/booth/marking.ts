/** Marks on a ballot while they are being made, and what may still be marked. */

import type { Question } from "../ballot/election.ts";
import type { Marks } from "./voting.ts";

/** What is marked of one question: the places of its answers, from 0, or the blank vote. */
export interface Marked {
  readonly blank: boolean;
  readonly chosen: ReadonlySet<number>;
}

export const NOTHING: Marked = { blank: false, chosen: new Set() };

/** Whether one choice takes the place of another: then it is made with radio buttons. */
export function isSingle(question: Question): boolean {
  return question.minimum === 1 && question.maximum === 1;
}

/** The mark is made or taken back. One too many is not made: what was chosen before stays as it is. */
export function mark(question: Question, before: Marked, answer: number, on: boolean): Marked {
  if (isSingle(question)) return on ? { blank: false, chosen: new Set([answer]) } : before;
  const chosen = new Set(before.chosen);
  if (on && chosen.size < question.maximum) chosen.add(answer);
  if (!on) chosen.delete(answer);
  return { blank: false, chosen };
}

export function markBlank(on: boolean): Marked {
  return { blank: on, chosen: new Set() };
}

/** Whether these marks are a legal answer. */
export function isLegal(question: Question, marked: Marked): boolean {
  if (marked.blank) return question.blank && marked.chosen.size === 0;
  return marked.chosen.size >= question.minimum && marked.chosen.size <= question.maximum;
}

/** As the ballot has them: 0 or 1, the blank vote first where the question has one. */
export function marksOf(questions: readonly Question[], marked: readonly Marked[]): Marks {
  return questions.map((question, at) => {
    const { blank, chosen } = marked[at] ?? NOTHING;
    const answers = question.answers.map((_, answer): 0 | 1 => (chosen.has(answer) ? 1 : 0));
    return question.blank ? [blank ? 1 : 0, ...answers] : answers;
  });
}

/** The marks of a draft, as far as they fit the questions: a draft is never believed. */
export function markedOf(questions: readonly Question[], marks: Marks | null): Marked[] {
  return questions.map((question, at) => {
    const row = marks?.[at];
    const offset = question.blank ? 1 : 0;
    if (row === undefined || row.length !== question.answers.length + offset) return NOTHING;
    if (offset === 1 && row[0] === 1) return markBlank(true);
    const places = question.answers.map((_, answer) => answer).filter((answer) => row[answer + offset] === 1);
    return places.length <= question.maximum ? { blank: false, chosen: new Set(places) } : NOTHING;
  });
}

/** The places 0 to `count` - 1 in a random order: nobody stands above for ever. `random` draws a number below its argument. */
export function shuffled(count: number, random: (below: number) => number = drawn): number[] {
  const places = Array.from({ length: count }, (_, at) => at);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = random(last + 1);
    [places[last], places[other]] = [places[other] as number, places[last] as number];
  }
  return places;
}

function drawn(below: number): number {
  const fresh = new Uint32Array(1);
  const most = Math.floor(2 ** 32 / below) * below;
  do crypto.getRandomValues(fresh);
  while ((fresh[0] as number) >= most);
  return (fresh[0] as number) % below;
}
