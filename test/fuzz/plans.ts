// Retries and redos of which the plan was looked at before: what each has to be answered, to the letter of the plan.
import fc from 'fast-check';
import { PLAN_TAG } from './headers.ts';
import { STATES } from './targets.ts';
import type { Answer } from './wire.ts';

/** How If-Match names the plan, and whether that names it, names another, or says nothing that can be read. */
const NAMING = {
  names: [null, '*', PLAN_TAG, `W/${PLAN_TAG}`, `"x", ${PLAN_TAG}`],
  // Of the same job under a profile that there is not.
  'names another': ['"x"', '""', '"nobody:refused:RETRY_NOT_ALLOWED:not_failed"', '"x,y", W/"z"'],
  'says nothing': ['x', `${PLAN_TAG}x`, '*, "x"'],
} as const;
type Naming = keyof typeof NAMING;

const naming = (how: Naming) =>
  fc.record({ how: fc.constant(how), ifMatch: fc.constantFrom(...NAMING[how]) });

/** A retry does something where a job has failed, and a redo where there is a draft. */
const FITTING = {
  retry: ['FAILED', 'RETRIED', 'BEREFT', 'ELSEWHERE', 'CORRECTED', 'CORRECTED'],
  redo: ['DRAFT_READY', 'OVERTAKEN', 'EDITED', 'EDITED'],
} as const;

const planned = <Kind extends keyof typeof FITTING>(kind: Kind) =>
  fc.record({
    kind: fc.constant(kind),
    place: fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom(...STATES) },
      { weight: 4, arbitrary: fc.constantFrom(...FITTING[kind]) },
    ),
    profile: fc.constantFrom('balanced', 'polished', 'accurate', 'draft-only', 'legacy', 'no-such'),
    resumeFrom: fc.constantFrom(null, null, 'UPLOADED', 'AUDIO_READY', 'TRANSCRIPT_READY', 'DRAFT_READY'),
    discardEdits: fc.constantFrom<(string[] | null)[]>(
      ...[null, [], ['transcript'], ['draft'], ['transcript', 'draft'], ['draft', 'transcript']],
    ),
    named: fc.oneof(
      { weight: 4, arbitrary: naming('names') },
      { weight: 2, arbitrary: naming('names another') },
      { weight: 1, arbitrary: naming('says nothing') },
    ),
    correlationId: fc.constantFrom(null, 'ticket-4711', 'x'.repeat(128), 'x'.repeat(129), 'two words'),
  });

export const plannedAsks = fc.oneof(planned('retry'), planned('redo'));

// biome-ignore lint/suspicious/noExplicitAny: what is looked into has been judged by its schema
type Body = any;

/** What of the answer to a retry or redo is otherwise than its plan had it. */
export function askFaults(plan: Body, how: Naming, { status, text }: Answer): string[] {
  const body: Body = JSON.parse(text);
  const expected = (was: number, shown: unknown, planned: unknown): string[] => [
    ...(status === was ? [] : [`what is to be answered ${was} is answered ${status} ${text}`]),
    ...(status !== was || JSON.stringify(shown) === JSON.stringify(planned)
      ? []
      : [`planned ${JSON.stringify(planned)}, and answered ${JSON.stringify(shown)}`]),
  ];
  if (how === 'says nothing') return expected(400, null, null);
  if (how === 'names another') return expected(412, body.details?.plan, shownIn(plan));
  if (plan.refusal !== null) {
    const { error_code, title, status: refused, details } = body;
    return expected(plan.refusal.status, { error_code, title, status: refused, details }, plan.refusal);
  }
  const { resume_from_status, checkpoint_ref, model_profile, plan: done } = body;
  return expected(
    202,
    [
      resume_from_status,
      checkpoint_ref,
      model_profile,
      done?.resume_from,
      done?.stages,
      done?.edits_discarded,
      done?.proof,
    ],
    [
      plan.resume.status,
      plan.resume.checkpoint_ref,
      plan.model_profile,
      plan.resume_from,
      plan.stages,
      plan.edits_discarded,
      plan.resume.proof,
    ],
  );
}

/** The plan without what is only shown beside it. */
function shownIn(plan: Body): Body {
  const { estimate_seconds: _, profiles: __, ...shown } = plan;
  return shown;
}

/** By which id an act is known that came with this one. */
export const knownAs = (given: string | null, answer: Answer): string | undefined =>
  given !== null && /^[!-~]{1,128}$/.test(given) ? given : answer.headers['x-request-id'];
