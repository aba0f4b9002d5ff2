// Exports: of which draft, in which formats and with which params, and what each has to be answered as the job was shown before.
import fc from 'fast-check';
import { fitting } from './arbitraries.ts';
import { operations } from './document.ts';
import { STATES } from './targets.ts';
import type { Answer } from './wire.ts';

const { formats, params } = operations.find(({ id }) => id === 'exportJob')?.body?.schema.properties ?? {};

export const exportsAsked = fc.record({
  place: fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(...STATES) },
    { weight: 3, arbitrary: fc.constantFrom('DRAFT_READY', 'OVERTAKEN', 'EDITED') },
  ),
  formats: fitting(formats ?? {}, 'formats'),
  params: fc.option(fitting(params ?? {}, 'params'), { nil: undefined }),
  discardEdits: fc.constantFrom<(string[] | null)[]>(
    null,
    [],
    ['transcript'],
    ['draft'],
    ['draft', 'transcript'],
  ),
});

// biome-ignore lint/suspicious/noExplicitAny: what is looked into has been judged by its schema
type Body = any;

/** Whether it can be had as the job offers it: one that a corrected transcript has overtaken by those who look past that. */
function isOffered(job: Body, discardEdits: string[] | null): boolean {
  const offer = job.next_actions.find(({ action }: Body) => action === 'export');
  if (offer?.error_code === 'EDITS_IN_THE_WAY') return discardEdits?.includes('transcript') ?? false;
  return offer?.allowed ?? false;
}

/** Of one that is refused: the job has not offered it. */
export function refusedExportFaults(
  job: Body,
  discardEdits: string[] | null,
  { status, text }: Answer,
): string[] {
  return isOffered(job, discardEdits) ? [`it was offered, and is answered ${status} ${text}`] : [];
}

/** Of one that was accepted, and of its dispatch as it is listed. */
export function exportFaults(
  job: Body,
  sent: { formats: unknown; params: unknown },
  discardEdits: string[] | null,
  { text }: Answer,
  dispatch: Body,
): string[] {
  const answer: Body = JSON.parse(text);
  const expected = [
    job.manifest.draft_uri,
    'DRAFT_READY',
    'export',
    { ...sent, params: sent.params ?? null },
  ];
  const { checkpoint_ref, resume_from_status } = answer;
  const shown = [checkpoint_ref, resume_from_status, dispatch.kind, dispatch.export];
  const faults = isOffered(job, discardEdits) ? [] : ['it was not offered, and is accepted'];
  const made = answer.plan.stages.filter(({ action }: Body) => action !== 'keep');
  if (made.length > 0) faults.push('it makes something again');
  if (answer.dispatch_id !== dispatch.dispatch_id)
    faults.push(`the latest attempt is ${dispatch.dispatch_id}`);
  return JSON.stringify(shown) === JSON.stringify(expected)
    ? faults
    : [...faults, `asked for ${JSON.stringify(expected)}, and it is ${JSON.stringify(shown)}`];
}
