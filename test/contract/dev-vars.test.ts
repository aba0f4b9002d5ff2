// The settings of a developer's machine: what a file of before keeps, what it gets, and what leaves it.
import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { developmentFiles } from '../support/dev-vars.ts';

const KEYS = [
  'CALLBACK_TOKEN_KEYS',
  'DISPATCH_SIGNING_SECRET',
  'DEV_AUTH_PUBLIC_JWK',
  'ID_KEYS',
  'SESSION_KEYS',
];
const SETTINGS = [...KEYS, 'ORCHESTRATOR_URL', 'JURISDICTION'];

const publicHalf = (privateJwk: string) =>
  createPublicKey({ key: JSON.parse(privateJwk), format: 'jwk' }).export({ format: 'jwk' });
const trusted = (vars: string) => JSON.parse(String(parseEnv(vars).DEV_AUTH_PUBLIC_JWK));

test('a machine’s settings get what they do not hold yet, and keep those that they do', () => {
  const before = 'ORCHESTRATOR_URL="http://127.0.0.1:1/"\nCALLBACK_TOKEN_KEYS="mine"';

  const { vars, signingKey } = developmentFiles(before, null);

  expect(Object.keys(parseEnv(vars)).sort()).toEqual(SETTINGS.sort());
  expect(parseEnv(vars)).toMatchObject({ CALLBACK_TOKEN_KEYS: 'mine' });
  expect(developmentFiles(vars, signingKey)).toEqual({ vars, signingKey });
});

test('no two machines have a key in common', () => {
  const [one, other] = [developmentFiles(null, null), developmentFiles(null, null)];

  for (const key of KEYS) expect(parseEnv(one.vars)[key]).not.toBe(parseEnv(other.vars)[key]);
  expect(one.signingKey).not.toBe(other.signingKey);
});

test('the service trusts what the signing key signs, and never gets the key itself', () => {
  const { vars, signingKey } = developmentFiles(null, null);

  expect(trusted(vars)).toEqual(publicHalf(signingKey));
  expect(vars).not.toContain(JSON.parse(signingKey).d);
});

test('a signing key that was kept among the bindings moves out, and goes on signing', () => {
  const { vars: today, signingKey } = developmentFiles(null, null);
  const comment = '# Signs what `npm run token` prints; the service itself does not read it.';
  const before = today.replace('ID_KEYS', `${comment}\nDEV_AUTH_PRIVATE_JWK='${signingKey}'\nID_KEYS`);

  expect(developmentFiles(before, null)).toEqual({ vars: today, signingKey });
});

test('a signing key whose other half is lost or another’s is trusted again', () => {
  const [{ vars, signingKey }, other] = [developmentFiles(null, null), developmentFiles(null, null)];
  const lost = vars.replace(/DEV_AUTH_PUBLIC_JWK.*\n/, '');

  expect(trusted(developmentFiles(lost, signingKey).vars)).toEqual(publicHalf(signingKey));
  expect(trusted(developmentFiles(other.vars, signingKey).vars)).toEqual(publicHalf(signingKey));
  const anew = developmentFiles(vars, null);
  expect(trusted(anew.vars)).toEqual(publicHalf(anew.signingKey));
});

test('a machine that has neither file gets both, as `npm ci` makes them', () => {
  const root = mkdtempSync(join(tmpdir(), 'retake-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const script = join(root, 'test/support/dev-vars.ts');
  cpSync(join(import.meta.dirname, '../support/dev-vars.ts'), script);

  execFileSync(process.execPath, [script], { stdio: 'pipe' });

  const [vars, key] = ['.dev.vars', '.dev.signing-key.json'].map((name) =>
    readFileSync(join(root, name), 'utf8'),
  );
  expect(developmentFiles(String(vars), String(key))).toEqual({ vars, signingKey: key });
});
