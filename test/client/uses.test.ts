// uses.ts leaves no operation of the document out, and calls what it says that it calls. That it compiles is held by
// `npm run check:code`, which makes the types anew.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { newClient, uses } from './uses.ts';

type Uses = Record<string, (typeof uses)[keyof typeof uses]>;

const { paths }: { paths: Record<string, Record<string, { operationId: string }>> } = parse(
  readFileSync(new URL('../../spec/openapi.yaml', import.meta.url), 'utf8'),
);
const operations = Object.entries(paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, { operationId }]) => [operationId, method.toUpperCase(), path] as const),
);

/** As much of every answer as the uses look at. */
const ANSWER = {
  ...{ id: 'id_1', status: 'ok', openapi: '3.1.0', dispatch_id: 'dsp_1', resume_from_status: 'UPLOADED' },
  ...{ created_at: '2026-11-24T09:30:00.000Z', items: [], manifest: {}, failure: null, open_dispatch: null },
  ...{ etag: '"a plan"', resume: null, refusal: null, stages: [], profiles: [], plan: null },
  ...{ edits_kept: [], edits_discarded: [], checkpoint_ref: 's3://media/draft.md' },
  ...{ expires_at: '2026-11-24T17:30:00.000Z', end_session_url: null },
  ...{ records: [], after: 3, by_status: { FAILED: 1 }, by_failure_class: { quota: 1 }, jobs: 1 },
  ...{
    external_id: null,
    metadata: {},
    tags: [],
    revision: 7,
    state: 'running',
    counts: { total: 3, waiting: 1 },
  },
  ...{ progress_pct: 40, resume_at: null, request: { model_profile: 'balanced' } },
  version: { stage: 'transcript', version: 2 },
};

test('the client uses every operation of the document, and no other', () => {
  expect(Object.keys(uses).sort()).toEqual(operations.map(([operationId]) => operationId).sort());
});

test.each(operations)('%s is used as %s %s', async (operationId, method, path) => {
  const requests: Request[] = [];
  const client = newClient('http://retake.test', async (request) => {
    requests.push(request);
    return Response.json(ANSWER);
  });

  await (uses as Uses)[operationId]?.(client);

  const asked = requests.map((request) => `${request.method} ${new URL(request.url).pathname}`);
  const concrete = path
    .replace('{jobId}', 'job_1')
    .replace('{projectId}', 'prj_1')
    .replace('{operationId}', 'opr_1')
    .replace('{stage}', 'transcript')
    .replace('{version}', '3');
  expect(asked).toEqual([`${method} ${concrete}`]);
});
