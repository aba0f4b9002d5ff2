// The examples of spec/lineage.md, as they stand there.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Evidence, Finding } from '../../src/domain/evidence.ts';
import type { ArtifactVersion } from '../../src/domain/job.ts';
import type { Engines, StageName } from '../../src/domain/lifecycle.ts';
import { PASSED_OVER_REASONS, resumeFrom } from '../../src/domain/lineage.ts';

const page = readFileSync(join(import.meta.dirname, '../../spec/lineage.md'), 'utf8');
const [, table = ''] = /<!-- examples -->\n([\s\S]*?)<!-- \/examples -->/.exec(page) ?? [];
const examples = table
  .trim()
  .split('\n')
  .slice(2)
  .map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  );

const STAGES: Readonly<Record<string, StageName>> = { a: 'audio', t: 'transcript', d: 'draft' };
const VERSION =
  /^(?<stage>[atd])(?<version>\d)(?:\*[atd](?<edits>\d))?(?:\/(?<engine>[\w-]+))?(?:<(?<from>\d))?(?:@(?<at>\w+))?(?:!(?<discards>[td]+))?(?<incomplete>\?)?$/;

/** A reference is named after its version, and as large as its name is long. */
const refOf = (name: string): string => `r2://media/${name}`;

function versionOf(word: string): ArtifactVersion {
  const {
    stage = '',
    version = '',
    edits,
    engine,
    from,
    at,
    discards,
    incomplete,
  } = VERSION.exec(word)?.groups ?? {};
  const name = STAGES[stage];
  if (name === undefined) throw new Error(`not a version: ${word}`);
  return {
    stage: name,
    version: Number(version),
    ref: refOf(at ?? `${stage}${version}`),
    digest: null,
    sizeBytes: 1_000,
    madeBy:
      edits !== undefined
        ? { kind: 'editor', actorId: 'alice', edits: Number(edits) }
        : {
            ...{ kind: 'pipeline', dispatchId: 'dsp_1', modelProfile: 'any', policyVersion: 'v1' },
            engine: engine ?? null,
            ...(discards === undefined ? {} : { discards: stagesIn(discards) }),
          },
    madeFrom: from === undefined ? null : Number(from),
    isComplete: incomplete === undefined,
    recordedAt: 0,
  };
}

const stagesIn = (letters: string): StageName[] => Array.from(letters, (letter) => STAGES[letter] ?? 'audio');

/** The stages whose edits the request discards. */
const discardedIn = (cell: string): StageName[] =>
  cell.split(' ').flatMap((word) => (word.startsWith('-') ? stagesIn(word.slice(1)) : []));

function enginesOf(cell: string): Engines {
  const words = cell.split(' ');
  const named = (kind: string) => words.find((word) => word.startsWith(kind));
  return { transcript: named('ears'), draft: named('pen') };
}

const FINDINGS: Readonly<Record<string, Finding>> = {
  missing: { kind: 'missing' },
  changed: { kind: 'found', sizeBytes: 999, sha256: null },
  unavailable: { kind: 'unavailable' },
};

const evidenceOf = (cell: string): Evidence =>
  new Map(
    listed(cell).map((said) => {
      const [name = '', what = ''] = said.split(' ');
      const finding = FINDINGS[what];
      if (!finding) throw new Error(`the store cannot say ${said}`);
      return [refOf(name), finding];
    }),
  );

const listed = (cell: string): string[] => (cell === '' ? [] : cell.split(', '));

test('the page has examples, of every reason to pass over a version', () => {
  const reasons = new Set(
    examples.flatMap(([, , , , passed = '']) => listed(passed).map((said) => said.split(' ')[2])),
  );
  expect([...reasons].sort()).toEqual([...PASSED_OVER_REASONS].sort());
});

test.each(examples)(
  '%s under %s (%s) resumes from %s, passing over %s',
  (there, engines, store, from, passed) => {
    const versions = there === 'nothing' ? [] : (there ?? '').split(' ').map(versionOf);
    const found = resumeFrom(versions, {
      engines: enginesOf(engines ?? ''),
      evidence: evidenceOf(store ?? ''),
      upTo: 'DRAFT_READY',
      discardEdits: discardedIn(engines ?? ''),
    });
    const { version } = found;
    expect({
      from: version ? `${version.stage} ${version.version}` : 'upload',
      passed: found.passedOver.map(({ stage, version, reason }) => `${stage} ${version} ${reason}`),
    }).toEqual({ from, passed: listed(passed ?? '') });
  },
);
