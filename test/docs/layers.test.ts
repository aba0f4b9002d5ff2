// That the linter refuses what the layers of src/ must not do, and some tests: whatever a rule of biome.json is there for is planted in a
// tree of its own, and has to be found. A rule that matches nothing refuses nothing, and says nothing of it.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, matchesGlob } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const src = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
const layers = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** What each may import beside its own files. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  contract: ['../domain/*', 'zod', 'jose'],
  actor: [
    '../domain/*',
    '../contract/*',
    '../artifact-store.ts',
    '../config.ts',
    '../log.ts',
    '../metrics.ts',
    '../time-limit.ts',
    'cloudflare:workers',
  ],
  http: [
    ...[
      '../domain/rejection.ts',
      '../contract/*',
      '../artifact-store.ts',
      '../capped-body.ts',
      '../config.ts',
      '../log.ts',
      '../metrics.ts',
      '../time-limit.ts',
    ],
    ...['zod', 'jose', 'oauth4webapi', 'hono', 'hono/factory', '@asteasolutions/zod-to-openapi'],
  ],
  dispatch: [
    '../domain/commands.ts',
    '../contract/*',
    '../capped-body.ts',
    '../config.ts',
    '../log.ts',
    '../metrics.ts',
    '../time-limit.ts',
  ],
  console: ['../../dist/api.ts', 'preact', 'preact/hooks', '@preact/signals', 'openapi-fetch'],
};
/** What some may import and others not, and what none may. */
const SPECIFIERS = [
  ...new Set(
    Object.values(MAY_IMPORT)
      .flat()
      .filter((name) => !name.endsWith('*')),
  ),
  ...layers.map((layer) => `../${layer}/any.ts`),
  ...['../index.ts', './../index.ts', 'node:fs', 'fast-check'],
];

const fromRoot = (file: string) => (file.startsWith('test/') ? file : join('src', file));

interface Planted {
  what: string;
  /** From src/, or from test/ with its name. */
  file: string;
  code: string;
  isAllowed?: boolean;
}

const IMPORTS: Planted[] = layers.flatMap((layer) =>
  SPECIFIERS.filter((specifier) => !specifier.startsWith(`../${layer}/`)).map((specifier) => {
    const isAllowed = MAY_IMPORT[layer]?.some((allowed) => matchesGlob(specifier, allowed)) ?? false;
    return {
      what: `${layer}/ ${isAllowed ? 'may' : 'may not'} import ${specifier}`,
      file: `${layer}/planted.ts`,
      code: `import '${specifier}';`,
      isAllowed,
    };
  }),
);

const FORMS: Planted[] = [
  { what: 'a type', code: `import type { A } from '../actor/any.ts';\nexport type B = A;` },
  { what: 'what it imports as it runs', code: `await import('../actor/any.ts');` },
  { what: 'what it hands on', code: `export { a } from '../actor/any.ts';` },
].map(({ what, code }) => ({ what: `domain/ may not import ${what}`, file: 'domain/planted.ts', code }));

const CALL = `fetch('https://retake.example');`;
const CALLS: Planted[] = [
  { what: 'src/ itself may not call out', file: 'planted.ts', code: CALL },
  ...layers.map((layer) => ({ what: `${layer}/ may not call out`, file: `${layer}/planted.ts`, code: CALL })),
  ...['dispatch/orchestrator.ts', 'http/jwks.ts'].map((file) => ({
    what: `${file} may call out`,
    file,
    code: CALL,
    isAllowed: true,
  })),
];

/** Who asks the service from outside. */
const ASKING = ['test/e2e', 'test/console', 'test/fuzz'];
const REUSED: Planted[] = ASKING.flatMap((folder) =>
  [
    { code: CALL, isAllowed: false },
    { code: `globalThis.${CALL}`, isAllowed: false },
    { code: `import { fetch } from 'undici';\n${CALL}`, isAllowed: false },
    {
      code: `import { fetchAlone } from '../support/own-connection.ts';\n${CALL.replace('fetch', 'fetchAlone')}`,
      isAllowed: true,
    },
  ].map(({ code, isAllowed }) => ({
    what: `${folder}/ ${isAllowed ? 'may' : 'may not'} say ${code.replace('\n', ' ')}`,
    file: `${folder}/planted.ts`,
    code,
    isAllowed,
  })),
);

const IMPURE: Planted[] = [
  ...['Date.now();', 'new Date();', 'performance.now();', 'crypto.randomUUID();', 'process.exit();'],
  ...['setTimeout(() => {}, 1);', 'setInterval(() => {}, 1);', 'queueMicrotask(() => {});'],
  ...[`console.log('x');`, 'globalThis.Date.now();'],
].map((code) => ({ what: `domain/ may not say ${code}`, file: 'domain/planted.ts', code }));

const HANDLER: Planted[] = [
  {
    what: 'http/ may use the type of a handler',
    file: 'http/planted.ts',
    code: `import type { RouteHandler } from '@hono/zod-openapi';\nexport type A = RouteHandler<never>;`,
    isAllowed: true,
  },
  {
    what: 'http/ may not use more of where it comes from',
    file: 'http/planted.ts',
    code: `import { OpenAPIHono } from '@hono/zod-openapi';\nnew OpenAPIHono();`,
  },
];

const PLANTED = [...IMPORTS, ...FORMS, ...CALLS, ...REUSED, ...IMPURE, ...HANDLER].map((planted, index) => ({
  ...planted,
  file: fromRoot(planted.file.replace('planted', `planted-${index}`)),
}));

/** The files in which the linter found something that is restricted. */
function restricted(): Set<string> {
  const directory = mkdtempSync(join(tmpdir(), 'retake-layers-'));
  try {
    cpSync(join(ROOT, 'biome.json'), join(directory, 'biome.json'));
    for (const { file, code } of PLANTED) {
      mkdirSync(dirname(join(directory, file)), { recursive: true });
      writeFileSync(join(directory, file), `${code}\n`);
    }
    const { diagnostics } = JSON.parse(lint(directory));
    const found = diagnostics.filter(({ category }: Diagnostic) =>
      category.startsWith('lint/style/noRestricted'),
    );
    return new Set(found.map(({ location }: Diagnostic) => location.path));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Diagnostic {
  category: string;
  location: { path: string };
}

function lint(directory: string): string {
  const biome = join(
    dirname(createRequire(import.meta.url).resolve('@biomejs/biome/package.json')),
    'bin/biome',
  );
  const options = ['lint', '--vcs-enabled=false', '--reporter=json', '--max-diagnostics=none', 'src', 'test'];
  try {
    return execFileSync(process.execPath, [biome, ...options], {
      cwd: directory,
      encoding: 'utf8',
      stdio: 'pipe',
    });
  } catch (error) {
    // There is much to find.
    return (error as { stdout: string }).stdout;
  }
}

describe('the linter', () => {
  let found: Set<string>;
  beforeAll(() => {
    found = restricted();
  }, 30_000);

  test.each(PLANTED.map((planted) => [planted.what, planted] as const))(
    'sees to it that %s',
    (_what, { file, isAllowed = false }) => {
      expect(found.has(file)).toBe(!isAllowed);
    },
  );

  test('knows every folder of src/', () => {
    expect(layers.toSorted()).toEqual(Object.keys(MAY_IMPORT).toSorted());
  });
});

describe('biome.json', () => {
  const { overrides }: { overrides: Override[] } = JSON.parse(readFileSync(join(ROOT, 'biome.json'), 'utf8'));

  test('names no file and no folder that is not there', () => {
    const files = ['src', ...ASKING].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) =>
        join(folder, file),
      ),
    );
    const named = overrides.flatMap(({ includes }) => includes.map((pattern) => pattern.replace('!', '')));
    expect(named).not.toEqual([]);
    expect(named.filter((pattern) => !files.some((file) => matchesGlob(file, pattern)))).toEqual([]);
  });

  test('lets no import through that nobody makes', () => {
    const importsOf = ([folder = '']: readonly string[]): string[] =>
      src
        .filter((file) => /\.tsx?$/.test(file) && matchesGlob(join('src', file), folder))
        .flatMap((file) => [...readFileSync(join(ROOT, 'src', file), 'utf8').matchAll(/^.*from '(.+)';$/gm)])
        .map(([, specifier = '']) => specifier);
    const allowed = overrides.flatMap(({ includes, linter }) => {
      const groups = linter.rules.style?.noRestrictedImports?.options.patterns ?? [];
      const names = groups.flatMap(({ group }) => group.filter((pattern) => pattern.startsWith('!')));
      return names.map((name) => ({ name: name.slice(1), imports: importsOf(includes) }));
    });
    expect(allowed).not.toEqual([]);
    expect(allowed.filter(({ name, imports }) => !imports.some((each) => matchesGlob(each, name)))).toEqual(
      [],
    );
  });
});

interface Override {
  includes: string[];
  linter: { rules: { style?: { noRestrictedImports?: { options: { patterns: { group: string[] }[] } } } } };
}
