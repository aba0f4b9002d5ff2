// Writes the settings of a developer's machine with fresh random keys: .dev.vars, which wrangler makes bindings of, and in
// a file of its own the key that signs editors' tokens, which the service never reads. What files of before lack is
// added, and the signing key that they kept among the bindings moves out. `npm ci` runs it; Git ignores both files.
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
export const DEV_VARS = join(ROOT, '.dev.vars');
/** A private JWK (RFC 7517). */
export const DEV_SIGNING_KEY = join(ROOT, '.dev.signing-key.json');

const START = `# Settings of this machine alone, for \`wrangler dev\`. Made by \`npm ci\` with fresh random keys; never committed,
# never deployed. Delete the file and run \`npm ci\` for new ones; jobs of before are out of reach then.
PUBLIC_BASE_URL="http://127.0.0.1:8787"
ORCHESTRATOR_URL="http://127.0.0.1:8788/dispatches"
`;
/** As it was kept before, with the line that said what it is. */
const SIGNING_KEY_AMONG_VARS = /^(#.*`npm run token`.*\n)?DEV_AUTH_PRIVATE_JWK=.*\n?/m;
const PUBLIC_KEY = /^DEV_AUTH_PUBLIC_JWK=.*$/m;

interface DevelopmentFiles {
  vars: string;
  signingKey: string;
}

const before = { vars: contentOf(DEV_VARS), signingKey: contentOf(DEV_SIGNING_KEY) };
const after = developmentFiles(before.vars, before.signingKey);
// The key first: interrupted between the two, it is found in both places and not in neither.
if (after.signingKey !== before.signingKey) replace(DEV_SIGNING_KEY, after.signingKey);
if (after.vars !== before.vars) replace(DEV_VARS, after.vars);

/** What the files have to hold, given what they hold now; null is for one that is not there. */
export function developmentFiles(vars: string | null, signingKey: string | null): DevelopmentFiles {
  const text = vars ?? START;
  const key = signingKey ?? parseEnv(text).DEV_AUTH_PRIVATE_JWK ?? newSigningKey();
  const publicLine = `DEV_AUTH_PUBLIC_JWK='${publicHalf(key)}'`;
  const known = text.replace(SIGNING_KEY_AMONG_VARS, '').replace(PUBLIC_KEY, () => publicLine);
  return { vars: known + missingSettings(known, publicLine), signingKey: key };
}

/** What has to follow `text` so that it holds every setting; empty when it does. */
function missingSettings(text: string, publicLine: string): string {
  const known = parseEnv(text);
  const key = () => `"${randomBytes(32).toString('base64url')}"`;
  // A new one comes last, as in a file of before: wrangler writes its types in the order of the file.
  const lines = {
    CALLBACK_TOKEN_KEYS: () => `CALLBACK_TOKEN_KEYS=${key()}\n`,
    DISPATCH_SIGNING_SECRET: () => `DISPATCH_SIGNING_SECRET="whsec_${randomBytes(32).toString('base64')}"\n`,
    DEV_AUTH_PUBLIC_JWK: () => `${publicLine}\n`,
    ID_KEYS: () => `ID_KEYS=${key()}\n`,
    JURISDICTION: () => '# The local runtime keeps none, whatever wrangler.toml says.\nJURISDICTION=""\n',
    SESSION_KEYS: () => `SESSION_KEYS=${key()}\n`,
  };
  const missing = Object.entries(lines)
    .map(([name, line]) => (known[name] === undefined ? line() : ''))
    .join('');
  return missing === '' || text.endsWith('\n') ? missing : `\n${missing}`;
}

function newSigningKey(): string {
  return JSON.stringify(
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
  );
}

function publicHalf(privateJwk: string): string {
  const privateKey = createPrivateKey({ key: JSON.parse(privateJwk), format: 'jwk' });
  return JSON.stringify(createPublicKey(privateKey).export({ format: 'jwk' }));
}

function contentOf(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}

/** Whole or not at all: others may be reading it. */
function replace(path: string, content: string): void {
  const next = `${path}.${process.pid}`;
  writeFileSync(next, content, { mode: 0o600 });
  renameSync(next, path);
}
