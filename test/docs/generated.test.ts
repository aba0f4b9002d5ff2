import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { withBlocks } from './blocks.ts';
import { generatedFiles, SPEC } from './generated.ts';

describe('the documents say what the code does', () => {
  test.each([...generatedFiles()])('spec/%s is what `npm run generate` writes', (file, content) => {
    expect(readFileSync(join(SPEC, file), 'utf8')).toBe(content);
  });

  test('no other page has a block that nobody generates', () => {
    const pages = readdirSync(SPEC, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.md'),
    );
    const withMarkers = pages.filter((file) =>
      /<!-- *\/?generated/.test(readFileSync(join(SPEC, file), 'utf8')),
    );
    expect(withMarkers.sort()).toEqual(['job-lifecycle.md', 'observability.md']);
  });
});

// `wrangler types --check` compares what the types were made from, and never looks at the types.
test('worker-configuration.d.ts is what `npm run generate` writes', { timeout: 60_000 }, () => {
  const root = join(SPEC, '..');
  const directory = mkdtempSync(join(tmpdir(), 'retake-types-'));
  try {
    for (const name of ['wrangler.toml', '.dev.vars']) cpSync(join(root, name), join(directory, name));
    for (const name of ['src', 'build-console.ts']) symlinkSync(join(root, name), join(directory, name));
    const wrangler = join(
      dirname(createRequire(import.meta.url).resolve('wrangler/package.json')),
      'bin/wrangler.js',
    );
    const options = ['types', '--include-runtime=false', '--strict-vars=false'];
    execFileSync(process.execPath, [wrangler, ...options], { cwd: directory, stdio: 'pipe' });
    const name = 'worker-configuration.d.ts';
    expect(readFileSync(join(root, name), 'utf8')).toBe(readFileSync(join(directory, name), 'utf8'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

describe('a generated block', () => {
  const blocks = new Map([
    ['one', '| 1 |'],
    ['two', '| 2 |\n| 2 |'],
  ]);
  const page = (one: string, two: string) => `# Page\n\n${one}\n\nBetween.\n\n${two}\n`;
  const block = (name: string, ...lines: string[]) =>
    [`<!-- generated: ${name} -->`, ...lines, '<!-- /generated -->'].join('\n');
  const asGenerated = page(block('one', '| 1 |'), block('two', '| 2 |', '| 2 |'));

  test.each([
    ['empty', block('one')],
    ['a blank line', block('one', '')],
    ['of before', block('one', '| 0 |', '', '| 00 |')],
    ['as it should be', block('one', '| 1 |')],
  ])('is written where there is one that is %s', (_what, one) => {
    expect(withBlocks(page(one, block('two')), blocks)).toBe(asGenerated);
  });

  test.each([
    ['that the page lacks', '', 'no block "one"'],
    ['that the page has twice', `${block('one')}\n${block('one')}`, '"one" is there twice'],
    [
      'that the code does not make',
      `${block('one')}\n${block('three')}`,
      'nothing to generate for the block "three"',
    ],
    ['that is not closed', '<!-- generated: one -->', '"one" is not closed'],
    ['that is not opened', '<!-- /generated -->', 'closed that was not opened'],
    ['that is marked otherwise', '<!-- generated:one -->\n<!-- /generated -->', 'is no marker'],
    ['that is opened behind a blank', ` ${block('one')}`, 'is no marker'],
  ])('%s is refused', (_what, one, fault) => {
    expect(() => withBlocks(page(one, block('two')), blocks)).toThrow(fault);
  });

  test('that the code leaves empty is refused', () => {
    expect(() => withBlocks(asGenerated, new Map([...blocks, ['one', '']]))).toThrow('nothing to generate');
  });

  test('that is not closed at the end of the page is refused', () => {
    expect(() => withBlocks(page(block('one'), '<!-- generated: two -->'), blocks)).toThrow(
      '"two" is not closed',
    );
  });
});
