import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { generatedFiles, SPEC } from './generated.ts';

describe('the documents say what the code does', () => {
  test.each([...generatedFiles()])('spec/%s is what `npm run generate` writes', (file, content) => {
    expect(readFileSync(join(SPEC, file), 'utf8')).toBe(content);
  });
});
