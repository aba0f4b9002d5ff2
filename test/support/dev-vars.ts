// Writes .dev.vars with fresh random development keys, and adds what one of before does not hold yet. `npm ci`
// runs it; Git ignores the file.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

export const DEV_VARS = join(import.meta.dirname, '../../.dev.vars');

const START = `# Settings of this machine alone, for \`wrangler dev\`. Made by \`npm ci\` with fresh random keys; never committed,
# never deployed. Delete the file and run \`npm ci\` for new ones; jobs of before are out of reach then.
PUBLIC_BASE_URL="http://127.0.0.1:8787"
ORCHESTRATOR_URL="http://127.0.0.1:8788/dispatches"
`;

if (!existsSync(DEV_VARS)) {
  writeFileSync(DEV_VARS, START + missingSettings(START), { mode: 0o600, flag: 'wx' });
} else {
  const missing = missingSettings(readFileSync(DEV_VARS, 'utf8'));
  if (missing !== '') appendFileSync(DEV_VARS, missing);
}

/** What has to follow `text` so that it holds every setting of a developer's machine; empty when it does. */
export function missingSettings(text: string): string {
  const known = parseEnv(text);
  const key = () => `"${randomBytes(32).toString('base64url')}"`;
  // A new one comes last, as in a file of before: wrangler writes its types in the order of the file.
  const lines = {
    CALLBACK_TOKEN_KEYS: () => `CALLBACK_TOKEN_KEYS=${key()}\n`,
    DISPATCH_SIGNING_SECRET: () => `DISPATCH_SIGNING_SECRET="whsec_${randomBytes(32).toString('base64')}"\n`,
    DEV_AUTH_PRIVATE_JWK: editorKeys,
    ID_KEYS: () => `ID_KEYS=${key()}\n`,
    JURISDICTION: () => '# The local runtime keeps none, whatever wrangler.toml says.\nJURISDICTION=""\n',
  };
  const missing = Object.entries(lines)
    .map(([name, line]) => (known[name] === undefined ? line() : ''))
    .join('');
  return missing === '' || text.endsWith('\n') ? missing : `\n${missing}`;
}

function editorKeys(): string {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return `DEV_AUTH_PUBLIC_JWK='${JSON.stringify(publicKey.export({ format: 'jwk' }))}'
# Signs what \`npm run token\` prints; the service itself does not read it.
DEV_AUTH_PRIVATE_JWK='${JSON.stringify(privateKey.export({ format: 'jwk' }))}'
`;
}
