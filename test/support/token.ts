// npm run token: prints an editor's token for this machine, and nothing else, so that a shell can use it.
import { parseArgs } from 'node:util';
import { DEVELOPMENT_ISSUER } from '../../src/config.ts';
import { editorToken } from './editor-token.ts';

const HELP = `npm run --silent token -- --sub NAME [--scope "retake:read"] [--ttl SECONDS]

Prints a token for the editor NAME, signed with the development key of this machine.
  --sub NAME      the editor (required)
  --scope SCOPES  retake:read and/or retake:write; without it the token may do everything
  --issuer URL    the local provider, where "npm run dev" says that it is not at its usual port
  --ttl SECONDS   how long it is valid, 1 to 604800; default 43200 (12 hours)`;

try {
  const { values } = parseArgs({
    options: {
      sub: { type: 'string' },
      scope: { type: 'string' },
      issuer: { type: 'string', default: DEVELOPMENT_ISSUER },
      ttl: { type: 'string', default: '43200' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const ttlSeconds = Number(values.ttl);
  if (values.help) console.log(HELP);
  else if (!values.sub) throw new Error('--sub is missing');
  else if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > 604_800) {
    throw new Error('--ttl has to be a whole number from 1 to 604800');
  } else
    console.log(
      await editorToken({ sub: values.sub, scope: values.scope, issuer: values.issuer, ttlSeconds }),
    );
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
  process.exitCode = 2;
}
