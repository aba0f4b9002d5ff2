// Which jobs of a project somebody looks for: one object behind the address of a view, the request for a list and the one for many.
import type { JobStatus, JobSummary, Schemas } from './api.ts';
import type { Params } from './router.ts';
import { FAILURE_CAUSES, OUTCOMES, STATUSES, statusWords } from './words.ts';

export type FailureClass = Schemas['Failure']['failure_class'];
type BulkFilter = Schemas['BulkFilter'];
type Outcome = NonNullable<BulkFilter['outcome']>;

export interface Filter {
  /** Any of these; all of them where there is none. */
  status: readonly JobStatus[];
  failure_class: FailureClass | null;
  tag: string | null;
  model_profile: string | null;
  external_id: string | null;
}

/** Beside that, what was selected, or how jobs ended in an earlier operation. */
export interface Choice extends Filter {
  jobs: readonly string[];
  operation: string | null;
  outcome: Outcome | null;
}

export const NOTHING: Choice = {
  ...{ status: [], failure_class: null, tag: null, model_profile: null, external_id: null },
  ...{ jobs: [], operation: null, outcome: null },
};

/** As many as an address has room for. */
export const MOST_SELECTED = 200;

const listIn = (query: URLSearchParams, name: string): string[] =>
  (query.get(name) ?? '').split(',').filter((part) => part !== '');

const isIn = <T extends string>(known: Readonly<Record<T, unknown>>, value: string | null): value is T =>
  value !== null && Object.hasOwn(known, value);

export function filterOf(query: URLSearchParams): Filter {
  const failureClass = query.get('failure_class');
  return {
    status: listIn(query, 'status').filter((status) => isIn(STATUSES, status)),
    failure_class: isIn(FAILURE_CAUSES, failureClass) ? failureClass : null,
    tag: query.get('tag') || null,
    model_profile: query.get('model_profile') || null,
    external_id: query.get('external_id') || null,
  };
}

export function choiceOf(query: URLSearchParams): Choice {
  const outcome = query.get('outcome');
  return {
    ...filterOf(query),
    jobs: listIn(query, 'jobs').slice(0, MOST_SELECTED),
    operation: query.get('operation') || null,
    outcome: isIn(OUTCOMES, outcome) ? (outcome as Outcome) : null,
  };
}

export const toParams = ({ status, ...words }: Filter): Params => ({ ...words, status: status.join(',') });

export const choiceParams = ({ jobs, status, ...words }: Choice): Params => ({
  ...words,
  status: status.join(','),
  jobs: jobs.join(','),
});

/** As the list is asked for. */
export const toQuery = (filter: Filter): Record<string, string> =>
  Object.fromEntries(
    Object.entries(toParams(filter)).filter((entry): entry is [string, string] => !!entry[1]),
  );

/** As an operation is asked for; null where nothing is named, which no request may do. */
export function toBulkFilter({ status, jobs, operation, outcome, ...words }: Choice): BulkFilter | null {
  const named: BulkFilter = {
    ...Object.fromEntries(Object.entries(words).filter(([, value]) => value !== null)),
    ...(status.length === 0 ? {} : { status: [...status] }),
    ...(jobs.length === 0 ? {} : { job_ids: [...jobs] }),
    ...(operation === null || outcome === null ? {} : { operation, outcome }),
  };
  return Object.keys(named).length === 0 ? null : named;
}

export const isOpen = (filter: Filter): boolean => Object.keys(toQuery(filter)).length === 0;

/** Whether a row that has changed still belongs to what is shown. */
export function fits(filter: Filter, row: JobSummary): boolean {
  const { status, failure_class, tag, model_profile, external_id } = filter;
  return (
    (status.length === 0 || status.includes(row.status)) &&
    (failure_class === null || (row.status === 'FAILED' && row.failure?.failure_class === failure_class)) &&
    (tag === null || row.tags.includes(tag)) &&
    (model_profile === null || row.model_profile === model_profile) &&
    (external_id === null || row.external_id === external_id)
  );
}

/** What each part of it says, and the filter without that part. */
export function partsOf(filter: Filter): { words: string; without: Filter }[] {
  const { failure_class, tag, model_profile, external_id } = filter;
  const part = (key: keyof Filter, words: string) => ({ words, without: { ...filter, [key]: null } });
  return [
    ...(failure_class === null ? [] : [part('failure_class', `cause: ${FAILURE_CAUSES[failure_class]}`)]),
    ...(tag === null ? [] : [part('tag', `tag ${tag}`)]),
    ...(model_profile === null ? [] : [part('model_profile', `profile ${model_profile}`)]),
    ...(external_id === null ? [] : [part('external_id', `external id ${external_id}`)]),
  ];
}

/** "Failed · tag urgent" */
export function inWords(choice: Choice): string {
  const { status, jobs, operation, outcome } = choice;
  return [
    ...(jobs.length === 0 ? [] : [jobs.length === 1 ? 'the selected one' : `the ${jobs.length} selected`]),
    ...(operation === null || outcome === null
      ? []
      : [`“${OUTCOMES[outcome].toLowerCase()}” in the operation before`]),
    ...(status.length === 0 ? [] : [status.map(statusWords).join(' or ')]),
    ...partsOf(choice).map(({ words }) => words),
  ].join(' · ');
}
