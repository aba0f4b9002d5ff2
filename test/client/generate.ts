// Generates TypeScript types from spec/openapi.yaml, as a user of the API would, into a folder that is not committed. The console and
// the use of every operation beside this are compiled against them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

// The generator asks the compiler's JavaScript interface for its output. TypeScript 7 has none, so that it gets an older one.
registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier === 'typescript' ? 'typescript-with-api' : specifier, context),
});
const { default: openapiTS, astToString } = await import('openapi-typescript');

const types = await openapiTS(new URL('../../spec/openapi.yaml', import.meta.url));
mkdirSync(new URL('../../dist', import.meta.url), { recursive: true });
writeFileSync(new URL('../../dist/api.ts', import.meta.url), astToString(types));
