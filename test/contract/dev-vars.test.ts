import { parseEnv } from 'node:util';
import { expect, test } from 'vitest';
import { missingSettings } from '../support/dev-vars.ts';

const KEYS = [
  'CALLBACK_TOKEN_KEYS',
  'DISPATCH_SIGNING_SECRET',
  'DEV_AUTH_PUBLIC_JWK',
  'DEV_AUTH_PRIVATE_JWK',
  'ID_KEYS',
];
const SETTINGS = [...KEYS, 'ORCHESTRATOR_URL', 'JURISDICTION'];

test('a machine’s settings get what they do not hold yet, and keep those that they do', () => {
  const before = 'ORCHESTRATOR_URL="http://127.0.0.1:1/"\nCALLBACK_TOKEN_KEYS="mine"';

  const after = before + missingSettings(before);

  expect(Object.keys(parseEnv(after)).sort()).toEqual(SETTINGS.sort());
  expect(parseEnv(after)).toMatchObject({ CALLBACK_TOKEN_KEYS: 'mine' });
  expect(missingSettings(after)).toBe('');
});

test('no two machines have a key in common', () => {
  const [one, other] = [parseEnv(missingSettings('')), parseEnv(missingSettings(''))];
  for (const key of KEYS) expect(one[key]).not.toBe(other[key]);
});
