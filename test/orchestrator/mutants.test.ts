// The planted bugs of npm run soak -- --mutants follow the sources: each still has exactly one place to go.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MUTANTS } from '../soak/mutants.ts';

test.for(MUTANTS)('"$bug" can still be planted', ({ file, from }) => {
  const source = readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
  expect(source.split(from)).toHaveLength(2);
});
