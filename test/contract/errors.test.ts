// The table of errors against the document that is made of it, and what it promises to whoever repeats a request.
import { describe, expect, test } from 'vitest';
import { ERRORS, type ErrorCode } from '../../src/contract/errors.ts';
import { contract } from '../../src/http/app.ts';

interface Problem {
  properties: { error_code?: { enum: ErrorCode[] } } & Record<'status' | 'retryable', { enum: unknown[] }>;
  required: string[];
}
const components = Object.values(contract().components?.schemas ?? {}) as unknown as Problem[];
const problems = components.filter(({ properties }) => properties?.error_code?.enum !== undefined);
const codes = Object.keys(ERRORS) as ErrorCode[];
const codesOf = ({ properties }: Problem) => properties.error_code?.enum ?? [];

describe('the document', () => {
  test.each(codes)(
    'shows %s in one problem, with the status and the word on repeating that it is answered with',
    (code) => {
      const [problem, ...others] = problems.filter((each) => codesOf(each).includes(code));
      expect(others).toEqual([]);
      expect(problem?.properties.status.enum).toEqual([ERRORS[code].status]);
      expect(problem?.properties.retryable.enum).toEqual([ERRORS[code].retryable]);
      expect(problem?.required).toContain('retryable');
    },
  );

  test('puts codes into one problem only if they say the same details', () => {
    for (const problem of problems) {
      expect(new Set(codesOf(problem).map((code) => ERRORS[code].details)).size).toBe(1);
    }
  });
});

test('what an orchestrator is told to send again is retryable, and nothing that tells it to go another way', () => {
  const retryable = codes.filter((code) => ERRORS[code].retryable);
  expect(retryable).toEqual(
    codes.filter((code) => ERRORS[code].status >= 500 || ERRORS[code].status === 429),
  );
});
