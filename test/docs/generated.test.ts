import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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
    expect(withMarkers).toEqual(['job-lifecycle.md']);
  });
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
