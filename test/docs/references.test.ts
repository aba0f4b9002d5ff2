// What the documents refer to is there: pages and their sections, files, commands and their options.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const pages = globSync(['README.md', 'CONTRIBUTING.md', 'spec/**/*.md'], { cwd: ROOT }).sort();
const files = globSync(['*.*', '{src,test,spec}/**/*.*'], { cwd: ROOT, exclude: ['**/node_modules/**'] });

interface Reference {
  page: string;
  /** As it is written. */
  text: string;
}

/** What stands in the first group of the pattern, wherever it stands in a page. */
const referred = (pattern: RegExp): Reference[] =>
  pages.flatMap((page) => [...read(page).matchAll(pattern)].map(([, text = '']) => ({ page, text })));

/** The names by which the sections of a page are linked to: what GitHub makes of its headings. */
const anchorsOf = (page: string): string[] =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

const says = ({ page, text }: Reference): string => `${page} says ${text}`;

describe('of what the documents refer to', () => {
  test('every page, file and section that is linked to is there', () => {
    const links = referred(/\]\((?!https?:)([^)\s]+)\)/g);
    const broken = links.filter(({ page, text }) => {
      const [path = '', anchor] = text.split('#');
      const target = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), path));
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !(target.endsWith('.md') && anchorsOf(target).includes(anchor));
    });
    expect(links.length).toBeGreaterThan(10);
    expect(broken.map(says)).toEqual([]);
  });

  test('every path in the repository is there', () => {
    const paths = referred(/(?<![\w./])((?:src|test|spec)\/[\w./-]*[\w/])/g);
    // What a command writes there, Git ignores.
    const ignored = read('.gitignore').split('\n');
    const missing = paths.filter(({ text }) => !ignored.includes(text) && !existsSync(join(ROOT, text)));
    expect(paths.length).toBeGreaterThan(30);
    expect(missing.map(says)).toEqual([]);
  });

  test('every file that is called by its name alone is one file', () => {
    const names = referred(/`([\w.-]+\.(?:test\.ts|ts|md|json))`/g);
    const unclear = names.filter(({ text }) => {
      const called = files.filter((file) => basename(file) === text);
      return called.length !== 1 && !called.includes(text);
    });
    expect(names).not.toEqual([]);
    expect(unclear.map(says)).toEqual([]);
  });

  test('every test that is quoted is there', () => {
    const quotes = referred(/`(?:[\w/]+\/)?([\w.-]+\.test\.ts` "[^"]+)"/g);
    const missing = quotes.filter(({ text }) => {
      const [file = '', title = ''] = text.split('` "');
      return !files.some((path) => basename(path) === file && read(path).includes(`('${title}`));
    });
    expect(quotes).not.toEqual([]);
    expect(missing.map(says)).toEqual([]);
  });

  test('every command can be run, with the options that are named', () => {
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(read('package.json'));
    const commands = referred(/npm run (?:--silent )?([a-z][\w:-]*(?: -- [^`\n#)]*)?)/g);
    const impossible = commands.filter(({ text }) => {
      const [name = '', ...rest] = text.split(' ');
      const program = /^node (\S+)/.exec(scripts[name] ?? '')?.[1];
      const options = rest.filter((word) => /^--\w/.test(word));
      return !scripts[name] || !options.every((option) => program && read(program).includes(option));
    });
    expect(commands.length).toBeGreaterThan(10);
    expect(impossible.map(says)).toEqual([]);
  });
});
