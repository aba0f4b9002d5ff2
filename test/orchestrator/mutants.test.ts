// The planted bugs of npm run soak -- --mutants follow the sources, and what npm run bench -- --promises takes away does: each
// has one place to go, and compiles there; and a copy of the sources can be bundled.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bundled, copyOfSources, planted as variantOf } from '../bench/promises.ts';
import { VARIANTS } from '../bench/promises-variants.ts';
import { MUTANTS } from '../soak/mutants.ts';
import { plant, sourcesIn, typeErrors } from '../soak/mutants-planting.ts';
import { mutantsNamed } from '../soak/mutants-run.ts';

const sources = sourcesIn(join(import.meta.dirname, '../..'));

test.for(MUTANTS)('"$bug" has one place in the sources', (mutant) => {
  const { before, after } = plant(sources, mutant);
  expect(after).not.toBe(before);
});

test.for(VARIANTS)(
  'what "$name" is without has its places in the sources, one after the other',
  (variant) => {
    const changed = variantOf(sources, variant);
    expect(changed.filter(({ text }, index) => text !== sources[index]?.text).length).toBeGreaterThan(0);
  },
);

test('every planted bug and variant compiles, and one that does not is told', { timeout: 300_000 }, () => {
  // In a file in which no other is planted: those that share a copy share what is said of it.
  const untyped = { bug: 'untyped', from: 'counts.statuses[status] += jobs', to: '$& as string' };
  const others = VARIANTS.flatMap(({ name, plants }) => plants.map((plant) => ({ bug: name, ...plant })));
  const planted = [...MUTANTS, ...new Map(others.map((plant) => [plant.from, plant])).values()];

  const complaints = typeErrors([...planted, untyped]);

  expect(complaints.slice(0, -1)).toEqual(planted.map(() => []));
  expect(complaints.at(-1)).toContainEqual(expect.stringContaining('TS2352'));
});

test('a copy of the sources is bundled without what a variant is without', () => {
  const copy = copyOfSources();
  onTestFinished(() => rmSync(copy, { recursive: true }));
  const [editors] = VARIANTS.filter(({ name }) => name === 'editors');

  expect(editors && bundled(editors, copy)).toContain('own_bench');
});

test('bugs are chosen by a word of their description, and a word that is in none is refused', () => {
  const [first, second] = MUTANTS;
  expect(mutantsNamed([])).toBe(MUTANTS);
  expect(mutantsNamed([first?.bug ?? ''])).toEqual([first]);
  expect(mutantsNamed([second?.bug ?? '', first?.bug ?? ''])).toEqual([first, second]);
  expect(() => mutantsNamed([first?.bug ?? '', 'zebra'])).toThrow('"zebra"');
});

describe('a place in the sources', () => {
  const planted = (texts: string[], from: string, to = 'PUT', within?: string) => {
    const files = texts.map((text, index) => ({ file: `src/${index}.ts`, text }));
    return plant(files, { bug: 'a bug', from, to, ...(within === undefined ? {} : { within }) }).after;
  };

  test.each([
    ['in any file', ['const a = 1;', 'if (open) go();'], 'open', 'if (PUT) go();'],
    ['however it is laid out', ['if (\n  a &&\n  b\n) go();'], 'if (a && b)', 'PUT go();'],
    ['with the comma that a broken line ends in', ['call(\n  a,\n  b,\n);'], 'call(a, b)', 'PUT;'],
    ['by a method as by a function', ['this.#store.job();'], 'store.job()', 'PUT;'],
    ['of a field that became a variable', ['if (at < alarmAt) x();'], 'at < this.#alarmAt', 'if (PUT) x();'],
    ['around a comment', ['a /* or */ ||\n  // else\n  b;'], 'a || b', 'PUT;'],
    ['inside a template', [`\`\${\`\${a}\`} }\${b ? c : d}\`;`], 'b ? c : d', `\`\${\`\${a}\`} }\${PUT}\`;`],
    ['behind a regular expression', ["/'/.test(a) && b / c / d;"], 'b / c', "/'/.test(a) && PUT / d;"],
  ])('is found %s', (_where, texts, from, after) => {
    expect(planted(texts, from)).toBe(after);
  });

  test.each([
    ['is gone', ['const a = 1;'], 'b'],
    ['is only part of a word', ['const abc = 1;'], 'ab'],
    ['is only in a comment', ['// open\n/* open */'], 'open'],
    ['is only in a string', [`'open'; "open"; \`open\`; /open/;`], 'open'],
    ['is laid out alike, but says something else', ['a !== b'], 'a === b'],
    ['differs in the blanks of a text', [`f('a  b')`], `f('a b')`],
  ])('is not found when it %s', (_why, texts, from) => {
    expect(() => planted(texts, from)).toThrow('"a bug" cannot be planted: nowhere');
  });

  test('is refused where there are two, in one file or in several, and both are named', () => {
    expect(() => planted(['a + a;'], 'a')).toThrow('"a bug" cannot be planted: 2 times, in src/0.ts: a');
    expect(() => planted(['a;', 'b;', 'a;'], 'a')).toThrow('2 times, in src/0.ts, src/2.ts: a');
  });

  test('is refused when it holds nothing to find, or when nothing would be changed', () => {
    expect(() => planted(['a;'], ' // a')).toThrow('"a bug" cannot be planted');
    expect(() => planted(['a && b;'], 'a && b', 'a\n&&  b')).toThrow('nothing is changed');
  });

  // Where it is expected, it stands in brackets here.
  test.each([
    ['a function', 'function one(a: A) {\n  [x];\n}\nfunction two() {\n  x;\n}'],
    [
      'a method',
      'class C {\n  async #one(a = f({ b })): Promise<{ c: D } | null> {\n    [x];\n  }\n  two() { x; }\n}',
    ],
    ['an arrow function', 'const one = ({ a }: A): B => ({ a: [x] });\nconst two = () => x;'],
    [
      'a function that is called too',
      'foo(this.#one(x.y), { x });\nfunction one(): A<{}, B> {\n  [x];\n}\none(x);',
    ],
  ])('is looked for within %s alone', (_what, marked) => {
    const text = marked.replace('[x]', 'x');
    expect(planted([text], 'x', 'PUT', 'one')).toBe(marked.replace('[x]', 'PUT'));
    expect(() => planted([text], 'x', 'PUT', 'three')).toThrow('nowhere within three');
  });

  test('stands in what is put there by $&, as it is written', () => {
    expect(planted(['if (this.#isOpen(job)) x();'], 'isOpen(job)', '!$& || $&')).toBe(
      'if (!this.#isOpen(job) || this.#isOpen(job)) x();',
    );
  });
});
