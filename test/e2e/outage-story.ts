// How the story ends for many: an outage fails thirty jobs, and one request retries exactly those, at a rate that the orchestrator
// survives.
import type { Editor, Reply } from '../support/editor.ts';
import type { OrchestratorClient } from '../support/orchestrator/client.ts';
import { executionsPerJob, manyTimes, mostAtOnce } from './bulk.ts';
import type { Narrator } from './narrator.ts';

const FAILED_BY_OUTAGE = 30;
const FAILED_BY_VIDEO = 2;
const JOBS = FAILED_BY_OUTAGE + FAILED_BY_VIDEO;
const MADE_AT_ONCE = 8;
const MAX_IN_FLIGHT = 10;
const TAG = 'conference';

/** Throws `NotAsTold` at the first fact that does not hold. */
export async function playOutage(
  alice: Editor,
  orchestrator: OrchestratorClient,
  narrator: Narrator,
): Promise<void> {
  narrator.step(
    `A conference: she runs ${JOBS} jobs, each known by her own id; the models that write drafts turn everybody away`,
  );
  const { id: projectId } = await alice.post('/projects', { name: 'Conference' });
  const at = `/projects/${projectId}`;
  await orchestrator.plan('default', {
    pipeline: { heartbeats: 0, step_ms: 1, fail_at: 'GENERATING', failure_code: 'RATE_LIMITED' },
  });
  await manyTimes(
    JOBS,
    async (index) => {
      const { id } = await alice.post(`${at}/jobs`, { external_id: `talk-${index + 1}`, tags: [TAG] });
      if (index < FAILED_BY_VIDEO)
        await orchestrator.plan(id, {
          pipeline: { step_ms: 1, fail_at: 'UPLOADED', failure_code: 'CORRUPT_INPUT' },
        });
      await alice.post(`/jobs/${id}/confirm-upload`, { video_uri: `s3://videos/talk-${index + 1}.mp4` });
      await alice.run(id);
    },
    MADE_AT_ONCE,
  );
  await alice.when(`${at}/counts`, 'failed', ({ by_status }) => by_status.FAILED === JOBS);
  const before = await alice.call('GET', `${at}/counts`);
  const { by_failure_class: failed } = before.body;
  narrator.http('GET …/counts', before, [
    'by_status.FAILED',
    'by_failure_class.transient',
    'by_failure_class.input',
  ]);
  narrator.check(
    'thirty failed by the outage, and two by their video',
    [failed.transient, failed.input],
    [FAILED_BY_OUTAGE, FAILED_BY_VIDEO],
  );

  narrator.step('She finds those of the outage, and looks at what a retry of all of them would do');
  const filter = { failure_class: 'transient', tag: TAG };
  const listed = await alice.get(`${at}/jobs?failure_class=transient&tag=${TAG}&limit=100`);
  narrator.check('the list has as many as the counts say', listed.items.length, FAILED_BY_OUTAGE);
  const wanted = { model_profile: 'balanced', filter };
  const looked = await alice.call('POST', `${at}/retries`, { ...wanted, dry_run: true, limit: JOBS });
  narrator.http('POST …/retries  failure_class: transient, tag: conference, dry_run: true', looked, [
    'found',
    'totals',
  ]);
  const { found, items: planned } = looked.body;
  const plans: Reply['body'][] = planned.map(({ plan }: Reply['body']) => plan);
  const keptOf = ({ resume, stages }: Reply['body']) =>
    `${plans.length} resume from ${resume.status}; kept: ${stagesThat('keep', stages)}; made again: ${stagesThat('redo', stages)}`;
  const kept = new Set(plans.map(keptOf));
  for (const line of kept) narrator.say(`      ${line}`);
  narrator.check(
    'the dry run has found the thirty, and would keep the transcript of each',
    [found, plans.length, [...kept]],
    [
      FAILED_BY_OUTAGE,
      FAILED_BY_OUTAGE,
      [`${FAILED_BY_OUTAGE} resume from TRANSCRIPT_READY; kept: audio, transcript; made again: draft`],
    ],
  );

  narrator.step(`The models are back: she has it done, ${MAX_IN_FLIGHT} at a time`);
  await orchestrator.plan('default', { pipeline: { step_ms: 150 } });
  const request = {
    ...wanted,
    ...{ client_request_id: 'after-the-outage', expected: found, max_in_flight: MAX_IN_FLIGHT },
  };
  const begun = await alice.call('POST', `${at}/retries`, request);
  narrator.http(`POST …/retries  expected: ${found}, max_in_flight: ${MAX_IN_FLIGHT}`, begun, ['id']);
  narrator.check('it is begun, with the thirty', [begun.status, begun.body.counts.total], [202, found]);
  const again = await alice.call('POST', `${at}/retries`, request);
  narrator.check('asked again, it is found', [again.status, again.body.id], [200, begun.body.id]);
  const operationPath = `/operations/${begun.body.id}`;
  const bar = narrator.bar(found);
  const { state, counts } = await alice.when(operationPath, 'over', ({ counts, ended_at }) => {
    bar.see(counts.succeeded, `${counts.in_flight} in flight, ${counts.waiting} wait`);
    return ended_at !== null;
  });
  bar.end();

  narrator.step('What became of each is on record');
  const { items } = await alice.get(`${operationPath}/items?outcome=succeeded&limit=100`);
  const after = await alice.when(
    `${at}/counts`,
    'listed',
    ({ by_status }) => by_status.DRAFT_READY >= counts.succeeded,
  );
  const drafts = await alice.get(`${at}/jobs?status=DRAFT_READY&tag=${TAG}&limit=100`);
  const idsOf = (rows: Reply['body'][], name: string) => rows.map((row) => row[name]).sort();
  narrator.check(
    'all thirty are done, and the list says the same',
    [state, counts.succeeded, after.by_status.DRAFT_READY, idsOf(drafts.items, 'id')],
    ['done', FAILED_BY_OUTAGE, FAILED_BY_OUTAGE, idsOf(items, 'job_id')],
  );
  narrator.check(
    'the two whose video is corrupt are as they were',
    [after.by_status.FAILED, after.by_failure_class.input],
    [FAILED_BY_VIDEO, FAILED_BY_VIDEO],
  );
  const one = await alice.get(`${at}/jobs?external_id=talk-${JOBS}`);
  narrator.check(
    'she finds a job by her own id',
    one.items.map(({ status }: Reply['body']) => status),
    ['DRAFT_READY'],
  );
  const ids = new Set<string>(idsOf(items, 'job_id'));
  const { executions, ...log } = await orchestrator.log();
  const own = { ...log, executions: executions.filter(({ job_id }) => ids.has(job_id)) };
  narrator.check(
    "the orchestrator's own log agrees: exactly one execution of each, never more than ten at once",
    [
      [...executionsPerJob(own, [...ids]).values()].every((times) => times === 1),
      mostAtOnce(own) <= MAX_IN_FLIGHT,
    ],
    [true, true],
  );
}

const stagesThat = (wanted: 'keep' | 'redo', stages: Reply['body'][]): string =>
  stages
    .filter(({ action }) => action === wanted)
    .map(({ stage }) => stage)
    .join(', ');
