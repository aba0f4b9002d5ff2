// What the documents say in the code's own words: the OpenAPI document, and the tables of spec/job-lifecycle.md.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import {
  CHECKPOINT_STATUSES,
  IN_PROGRESS_STATUSES,
  isTerminal,
  RESTING_STATUSES,
  STATUSES,
  TERMINAL_STATUSES,
  TRANSITIONS,
} from '../../src/domain/lifecycle.ts';
import { contract } from '../../src/http/app.ts';

export const SPEC = join(import.meta.dirname, '../../spec');

/** File in spec/ → its content as the code has it now. */
export function generatedFiles(): Map<string, string> {
  return new Map([
    ['openapi.yaml', openapiYaml()],
    [
      'job-lifecycle.md',
      replaceBlocks(readFileSync(join(SPEC, 'job-lifecycle.md'), 'utf8'), {
        groups: groupsTable(),
        transitions: transitionsTable(),
        diagram: diagram(),
      }),
    ],
  ]);
}

function openapiYaml(): string {
  const header = '# Generated from the route definitions in src/http by `npm run generate`. Do not edit.\n';
  return header + stringify(contract(), { aliasDuplicateObjects: false });
}

function groupsTable(): string {
  const rows = [
    ['terminal', TERMINAL_STATUSES],
    ['in progress', IN_PROGRESS_STATUSES],
    ['checkpoint', CHECKPOINT_STATUSES],
    ['resting', RESTING_STATUSES],
  ] as const;
  const lines = rows.map(([group, statuses]) => `| ${group} | ${statuses.map(code).join(', ')} |`);
  return ['| group | statuses |', '| --- | --- |', ...lines].join('\n');
}

function transitionsTable(): string {
  const lines = STATUSES.map((from) => {
    const to = Object.entries(TRANSITIONS[from]).map(([status, by]) => `${code(status)} (${by.join(', ')})`);
    return `| ${code(from)} | ${to.join(', ') || 'nothing'} |`;
  });
  return ['| from | to (by whom) |', '| --- | --- |', ...lines].join('\n');
}

/** FAILED and CANCELLED end every status that is not terminal; one arrow each keeps the picture readable. */
function diagram(): string {
  const arrows = STATUSES.filter((from) => !isTerminal(from)).flatMap((from) =>
    Object.keys(TRANSITIONS[from])
      .filter((to) => to !== 'FAILED' && to !== 'CANCELLED')
      .map((to) => `    ${from} --> ${to}`),
  );
  return [
    '```mermaid',
    'stateDiagram-v2',
    '  [*] --> CREATED',
    '  state "not terminal" as active {',
    ...arrows,
    '  }',
    '  active --> FAILED: orchestrator or system',
    '  active --> CANCELLED: editor',
    '  FAILED --> active: accepted retry, from its resume point',
    '  DONE --> [*]',
    '  CANCELLED --> [*]',
    '```',
  ].join('\n');
}

const code = (text: string): string => `\`${text}\``;

/** Replaces what stands between `<!-- generated: name -->` and `<!-- /generated -->`. */
function replaceBlocks(text: string, blocks: Record<string, string>): string {
  return text.replace(
    /(<!-- generated: (\w+) -->\n)[\s\S]*?(\n<!-- \/generated -->)/g,
    (_all, open: string, name: string, close: string) => {
      const block = blocks[name];
      if (block === undefined) throw new Error(`there is no generated block "${name}"`);
      return `${open}${block}${close}`;
    },
  );
}
