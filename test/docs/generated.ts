// What the documents say in the code's own words: the OpenAPI document, and the tables of spec/job-lifecycle.md
// and spec/observability.md.
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
import { BLOBS, DOUBLES, INDEX } from '../../src/metrics.ts';
import { withBlocks } from './blocks.ts';

export const SPEC = join(import.meta.dirname, '../../spec');

/** File in spec/ → its content as the code has it now. */
export function generatedFiles(): Map<string, string> {
  return new Map([
    ['openapi.yaml', openapiYaml()],
    page('job-lifecycle.md', {
      groups: groupsTable(),
      diagram: diagram(),
      transitions: transitionsTable(),
    }),
    page('observability.md', { columns: columnsTable() }),
  ]);
}

const page = (file: string, blocks: Record<string, string>): [file: string, content: string] => [
  file,
  withBlocks(readFileSync(join(SPEC, file), 'utf8'), new Map(Object.entries(blocks))),
];

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

const MEANINGS: Record<typeof INDEX | (typeof BLOBS)[number] | (typeof DOUBLES)[number], string> = {
  job_id: 'the job, or the operation; the sampling key',
  event: '`delivery`, `dispatch_ended`, `report_refused`, `operation_ended`',
  message:
    'of a delivery and a dispatch: `job.run`, `job.retry`, `job.redo`, `job.export`; of a delivery also `job.cancel`',
  model_profile: 'of a delivery, a dispatch and an operation',
  resume_from: 'of a delivery and a dispatch that is no run: the status that it resumes from',
  outcome:
    'how the attempt ended (`delivered`, `refused`, `unreachable`, `unknown`); the state of the dispatch; the code of the refusal; the state of the operation',
  failure_code: 'of a dispatch whose end failed the job; `OTHER` for what does not look like a code',
  attempts: 'of a dispatch: to deliver it; of an operation: how many jobs it had',
  duration_ms: 'of a dispatch: from its making to its end; of an operation likewise',
  first_report_ms: 'of a dispatch whose pipeline was heard of: from its making to its first report',
};

function columnsTable(): string {
  const numbered = (kind: string, names: readonly (keyof typeof MEANINGS)[]) =>
    names.map((name, at) => `| ${code(`${kind}${at + 1}`)} | ${code(name)} | ${MEANINGS[name]} |`);
  const rows = [...numbered('index', [INDEX]), ...numbered('blob', BLOBS), ...numbered('double', DOUBLES)];
  return ['| column | name | what it holds |', '| --- | --- | --- |', ...rows].join('\n');
}

/** A column for each of those who cause transitions. */
function transitionsTable(): string {
  const by = (actors: readonly string[]) => actors.join(' or ');
  const causes = [...new Set(STATUSES.flatMap((from) => Object.values(TRANSITIONS[from]).map(by)))];
  const lines = STATUSES.map((from) => {
    const cells = causes.map((cause) => {
      const to = Object.entries(TRANSITIONS[from]).filter(([, actors]) => by(actors) === cause);
      return to.map(([status]) => code(status)).join(', ') || 'nothing';
    });
    return `| ${[code(from), ...cells].join(' | ')} |`;
  });
  const heads = ['from', ...causes.map((cause) => `to, by ${cause}`)];
  return [`| ${heads.join(' | ')} |`, `|${' --- |'.repeat(heads.length)}`, ...lines].join('\n');
}

/** What every status that is not terminal has in common is drawn once; heartbeats, which lead nowhere, not at all. */
function diagram(): string {
  const live = STATUSES.filter((status) => !isTerminal(status));
  const arrows = live.flatMap((from) =>
    Object.keys(TRANSITIONS[from])
      .filter((to) => to !== from && to !== 'FAILED' && to !== 'CANCELLED')
      .map((to) => `  ${from} --> ${to}`),
  );
  const whoCauses = (ending: 'FAILED' | 'CANCELLED'): string => {
    const [actors, ...others] = new Set(live.map((from) => TRANSITIONS[from][ending]?.join(' or ')));
    if (actors === undefined || others.length > 0) throw new Error(`not every status ends ${ending} alike`);
    return actors;
  };
  return [
    '```mermaid',
    'stateDiagram-v2',
    '  [*] --> CREATED',
    ...arrows,
    '  DONE --> [*]',
    '  state "any status that is not terminal" as live',
    `  live --> FAILED: ${whoCauses('FAILED')}`,
    `  live --> CANCELLED: ${whoCauses('CANCELLED')}`,
    '  FAILED --> live: accepted retry, from its resume point',
    '  CANCELLED --> [*]',
    '```',
  ].join('\n');
}

const code = (text: string): string => `\`${text}\``;
