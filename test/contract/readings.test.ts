// What is made of a value that only informs: all that can be, and never an error.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clamped, count, LeftOut, line, lines, moment, record } from '../../src/contract/readings.ts';

const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom('\u001b', '[', ']', '3', '1', 'm', '\\', '\r', '\n', '\u009b', '\ud83c', 'a', ' '),
  }),
  fc.jsonValue(),
);

describe('a text', () => {
  test('is well formed, free of control characters, no longer than it may be, and read again stays as it is', () => {
    const property = fc.property(anything, fc.integer({ min: 1, max: 30 }), (value, max) => {
      for (const [read, controls] of [
        [line(max), /\p{Cc}/u],
        [lines(max), /[^\P{Cc}\n\t]/u],
      ] as const) {
        const text = read(value);
        if (text === null) continue;
        expect(text.length).toBeGreaterThan(0);
        expect(text.length).toBeLessThanOrEqual(max);
        expect(text.isWellFormed()).toBe(true);
        expect(controls.test(text)).toBe(false);
        expect(read(text)).toBe(text);
      }
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  test.each([
    ['CR LF', 'one\r\ntwo', 'one\ntwo'],
    ['a bare CR', 'frame=1\rframe=2\r', 'frame=1\nframe=2\n'],
    ['colours', '\u001b[1;31merror\u001b[0m: \u001b[38;5;196mno audio\u001b[m', 'error: no audio'],
    ['colours by C1', '\u009b31merror\u009b0m', 'error'],
    ['a cleared screen', '\u001b[2J\u001b[Hdone', 'done'],
    ['a link', '\u001b]8;;https://a.example\u0007here\u001b]8;;\u001b\\ and on', 'here and on'],
    ['a title that never ends', '\u001b]0;title\nthe cause', '0;title\nthe cause'],
    ['NUL', 'a\u0000b', 'ab'],
    ['an escape that is cut off', 'a\u001b', 'a'],
    ['DEL and C1', 'a\u007f\u0081b', 'ab'],
    ['NEL', 'a\u0085b', 'a\nb'],
    ['tabs and blanks', '\tat main (a.ts:1)  ', '\tat main (a.ts:1)  '],
    ['half an emoji', 'a\ud83c', 'a\ufffd'],
    ['a whole emoji', '🎬', '🎬'],
    ['every script', '講演 Ошибка خطأ', '講演 Ошибка خطأ'],
  ])('of several lines with %s is as it would be read', (_what, value, expected) => {
    expect(lines(2000)(value)).toBe(expected);
  });

  test('is cut between characters', () => {
    expect(lines(3)('ab🎬')).toBe('ab');
    expect(lines(4)('ab🎬')).toBe('ab🎬');
    expect(lines(2000)('x'.repeat(3000))).toBe('x'.repeat(2000));
  });

  test.each([
    ['Audio extraction', 'Audio extraction'],
    [' two\r\n lines\t', 'two lines'],
    [137, '137'],
    [true, 'true'],
    ['', null],
    [' \n ', null],
    ['\u001b[0m', null],
    [{ message: 'x' }, null],
    [['x'], null],
  ])('of one line is made of %j', (value, expected) => {
    expect(line(64)(value)).toBe(expected);
  });

  test('of one line does not end in a blank where it is cut', () => {
    expect(line(4)('one two')).toBe('one');
  });
});

describe('a time', () => {
  test.each([
    ['2026-11-24T09:30:00Z', '2026-11-24T09:30:00.000Z'],
    ['2026-11-24t09:30:00z', '2026-11-24T09:30:00.000Z'],
    ['2026-11-24 09:30:00Z', '2026-11-24T09:30:00.000Z'],
    ['2026-11-24T09:30:00.123456789Z', '2026-11-24T09:30:00.123Z'],
    ['2026-11-24t15:00:00+05:30', '2026-11-24T09:30:00.000Z'],
    ['2026-11-24T09:30:00-00:00', '2026-11-24T09:30:00.000Z'],
    ['2016-12-31T23:59:60Z', '2016-12-31T23:59:59.000Z'],
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
    ['0000-01-01T00:00:00Z', '0000-01-01T00:00:00.000Z'],
  ])('%s is one', (text, expected) => {
    expect(new Date(moment(text) ?? Number.NaN).toISOString()).toBe(expected);
  });

  test.each([
    'yesterday',
    '',
    '2026-11-24',
    '2026-11-24T09:30:00',
    '2026-02-31T09:30:00Z',
    '2026-13-01T09:30:00Z',
    '2026-11-24T24:00:00Z',
    '2026-11-24T09:60:00Z',
    '+002026-11-24T09:30:00Z',
    '9999-12-31T23:59:59-23:59',
    '0000-01-01T00:00:00+00:01',
    1_764_000_000,
    {},
  ])('%j is none', (value) => {
    expect(moment(value)).toBeNull();
  });
});

test('a number beyond its bounds is moved to the bound', () => {
  const percent = clamped(0, 100);
  expect([100.00000000000001, 101, -1, 42.5, -0, Number.POSITIVE_INFINITY].map(percent)).toEqual([
    100, 100, 0, 42.5, 0, 100,
  ]);
  expect(['half', '50', [], true].map(percent)).toEqual([null, null, null, null]);
});

test('a count is whole and not negative', () => {
  expect([0, 7, -1, 0.5, 2 ** 53, '7'].map(count)).toEqual([0, 7, null, null, null, null]);
});

test('a list is no record', () => {
  expect([{ a: 1 }, [], 'a', 1].map(record)).toEqual([{ a: 1 }, null, null, null]);
});

describe('what is left out', () => {
  test('is named once, and what is absent is not', () => {
    const left = new LeftOut();
    expect([
      left.unless('a', [], line(9)),
      left.unless('a', {}, line(9)),
      left.unless('b', null, line(9)),
    ]).toEqual([null, null, null]);
    left.unless('c', undefined, line(9));
    expect(left.unless('d', 'taken', line(9))).toBe('taken');
    expect(left.names).toEqual(['a']);
  });

  test('is named by names alone, and not without end', () => {
    const left = new LeftOut();
    for (const key of ['word_count', 'two words', 'x-1', '\r\nset-cookie: a', 'é', '', 'x'.repeat(41)]) {
      left.add('metrics', key);
    }
    expect(left.names).toEqual(['metrics.word_count', 'metrics.*', 'metrics.x-1']);
    for (let n = 0; n < 100; n += 1) left.add('exports', `f${n}`);
    expect(left.names).toHaveLength(20);
  });
});
