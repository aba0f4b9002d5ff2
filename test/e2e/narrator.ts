// Prints a story so that a person can follow it, and holds it to the truth: a fact that does not hold ends it.
import { isDeepStrictEqual, styleText } from 'node:util';
import type { Reply } from '../support/editor.ts';

/** What was expected and what was seen instead. */
export class NotAsTold extends Error {
  constructor(fact: string, expected: unknown, seen: unknown) {
    super(`${fact}\n    expected ${JSON.stringify(expected)}\n    seen     ${JSON.stringify(seen)}`);
    this.name = 'NotAsTold';
  }
}

const BAR_WIDTH = 30;

export class Narrator {
  readonly #write: (text: string) => void;
  readonly #isTerminal: boolean;
  #steps = 0;

  constructor(
    write: (text: string) => void = (text) => process.stdout.write(text),
    isTerminal: boolean = process.stdout.isTTY,
  ) {
    this.#write = write;
    this.#isTerminal = isTerminal;
  }

  say(line = ''): void {
    this.#write(`${line}\n`);
  }

  step(title: string): void {
    this.#steps += 1;
    this.say(`\n${String(this.#steps).padStart(2)}  ${styleText('bold', title)}`);
  }

  /** A request and its answer, with the fields of it that matter. */
  http(request: string, { status, body }: Reply, fields: readonly string[] = []): void {
    this.say(`    ${request}  →  ${styleText('cyan', String(status))}`);
    const nameWidth = Math.max(...fields.map((field) => field.length));
    for (const field of fields) {
      const value = field.split('.').reduce((inner, name) => inner?.[name], body);
      this.say(
        `      ${field.padEnd(nameWidth)}  ${typeof value === 'string' ? value : JSON.stringify(value)}`,
      );
    }
  }

  /** Ends the story unless `seen` is deeply equal to `expected`. */
  check(fact: string, seen: unknown, expected: unknown): void {
    if (!isDeepStrictEqual(seen, expected)) {
      this.say(`    ${styleText('red', '✗')} ${fact}`);
      throw new NotAsTold(fact, expected, seen);
    }
    this.say(`    ${styleText('green', '✓')} ${fact}`);
  }

  /** Statuses one after another on one line, each as it is first seen. */
  progress(): { see: (status: string) => void; end: () => void } {
    let last: string | null = null;
    return {
      see: (status) => {
        if (status !== last) this.#write(last === null ? `    ${status}` : ` → ${status}`);
        last = status;
      },
      end: () => this.#write('\n'),
    };
  }

  /** How many of `total` are done: one line that moves on a terminal; elsewhere the numbers, one after another. */
  bar(total: number): { see: (done: number, note: string) => void; end: () => void } {
    const numbers = this.progress();
    if (!this.#isTerminal) return { see: (done) => numbers.see(`${done}`), end: numbers.end };
    return {
      see: (done, note) => {
        const full = Math.round((BAR_WIDTH * done) / total);
        const bar = styleText('green', '█'.repeat(full)) + '░'.repeat(BAR_WIDTH - full);
        this.#write(`\r    ${bar}  ${done} of ${total}, ${note}\u001b[K`);
      },
      end: () => this.#write('\n'),
    };
  }
}
