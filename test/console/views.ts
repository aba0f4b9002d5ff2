// Every view in every state that is worth looking at, with an address that leads there: for those that judge them, and those that
// take their pictures.
import { setTimeout as pause } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import type { Scene } from './scene.ts';

export interface View {
  name: string;
  path: string;
  /** What is there once the view is. */
  has: string;
  /** What leads on to a state that has no address. */
  act?: (page: Page) => Promise<void>;
}

export async function openView(page: Page, url: string, { path, has, act }: View): Promise<void> {
  await page.goto(`${url}${path}`);
  await page.locator(has).first().waitFor();
  await act?.(page);
}

/** Makes what they show. */
export async function viewsOf(scene: Scene): Promise<View[]> {
  const { alice } = scene;
  const project = await scene.project('Spring campaign');
  await scene.project(
    'A very long name of a project that somebody has given without thinking of how it is shown on a telephone',
  );
  const empty = await scene.project('Empty');
  const created = await scene.job(project, null);
  const uploaded = await scene.job(project, 'talk.mp4', { external_id: 'talk-007', tags: ['conference'] });
  const failed = await scene.failed(
    project,
    {
      fail_at: 'GENERATING',
      fail_times: 9,
      failure_code: 'WRITER_TIMEOUT',
      failure_message: 'The writer did not answer within 120 s.',
    },
    'interview-042.mp4',
    { external_id: 'interview-042', tags: ['interview', 'urgent'] },
  );
  const retried = await alice.retry(failed, { model_profile: 'accurate', client_request_id: 'again' });
  if (retried.status !== 202) throw new Error(`not retried: ${retried.status}`);
  await alice.settledJob(failed);
  await scene.correct(failed, 'transcript', 2, 'Alice, not Alis.');
  const broken = await scene.failed(
    project,
    {
      fail_at: 'AUDIO_EXTRACTING',
      failure_code: 'UNSUPPORTED_MEDIA',
      failure_message: `The container is not one that is known. ${'0123456789abcdef'.repeat(30)}`,
    },
    'a-very-long-name-of-a-file-that-a-camera-has-made-up-2026-11-27T10-21-44.avi',
  );
  const patched = await alice.call('PATCH', `/jobs/${failed}`, {
    metadata: {
      language: 'de',
      speaker: 'Alice Adams',
      programme: 'The talks of an autumn that was too long',
    },
  });
  if (patched.status !== 200) throw new Error(`not patched: ${patched.status}`);
  const running = await scene.job(project, 'panel.mp4', { external_id: 'panel-003' });
  await scene.run(running, { pause_before: 'TRANSCRIPT_READY', heartbeats: 3 });
  const ready = await scene.job(project, 'keynote.mp4', { external_id: 'keynote-001', tags: ['conference'] });
  await scene.run(ready);
  await scene.correct(ready, 'transcript', 1, 'Alice, not Alis.');
  const cancelled = await scene.job(project, 'twice.mp4');
  await alice.post(`/jobs/${cancelled}/cancel`);

  const operations = await operationsOf(scene, [failed, uploaded], project);

  const job = (id: string, rest = '') => `/jobs/${id}${rest}`;
  return [
    { name: 'projects', path: '/', has: '.count-cell .tag' },
    { name: 'new-project', path: '/new', has: 'dialog[open] input' },
    { name: 'project', path: `/projects/${project}`, has: '.jobs tbody tr' },
    { name: 'project-filtered', path: `/projects/${project}?status=FAILED`, has: '.jobs tbody tr' },
    { name: 'project-no-match', path: `/projects/${project}?status=DONE`, has: '.empty' },
    { name: 'project-empty', path: `/projects/${empty}`, has: '.empty' },
    {
      name: 'project-narrowed',
      path: `/projects/${project}?status=FAILED,UPLOADED&tag=urgent`,
      has: '.jobs tbody tr',
    },
    {
      name: 'bulk',
      path: `/projects/${project}/retries/new?jobs=${failed},${broken},${uploaded}`,
      has: '.would',
    },
    { name: 'bulk-none', path: `/projects/${project}/retries/new?status=DONE`, has: '.empty' },
    { name: 'project-operations', path: `/projects/${operations.project}`, has: '.operations .list' },
    { name: 'operation-paused', path: `/operations/${operations.paused}`, has: '.operation .list' },
    { name: 'operation-stop', path: `/operations/${operations.paused}/stop`, has: 'dialog[open]' },
    { name: 'operation-done', path: `/operations/${operations.done}`, has: '.operation .list' },
    { name: 'new-job', path: `/projects/${project}/new`, has: 'dialog[open] input' },
    { name: 'job-created', path: job(created), has: '.now' },
    { name: 'job-uploaded', path: job(uploaded), has: '.now' },
    { name: 'job-failed', path: job(failed), has: '.versions' },
    { name: 'job-broken', path: job(broken), has: '.attempts' },
    { name: 'job-running', path: job(running), has: 'progress' },
    { name: 'job-ready', path: job(ready), has: '.versions' },
    { name: 'job-cancelled', path: job(cancelled), has: '.now' },
    { name: 'retry', path: job(failed, '/retry'), has: 'dialog[open] .plan' },
    {
      name: 'retry-from-the-start',
      path: job(failed, '/retry?profile=accurate&from=UPLOADED&discard=transcript'),
      has: 'dialog[open] .plan',
    },
    {
      name: 'retry-in-the-way',
      path: job(failed, '/retry?from=AUDIO_READY'),
      has: 'dialog[open] .note.refused',
    },
    { name: 'retry-refused', path: job(running, '/retry'), has: 'dialog[open] .note.refused' },
    { name: 'redo', path: job(ready, '/redo'), has: 'dialog[open] .plan' },
    { name: 'export', path: job(ready, '/export'), has: 'dialog[open] input' },
    { name: 'confirm-upload', path: job(created, '/confirm-upload'), has: 'dialog[open] input' },
    { name: 'renew-video', path: job(failed, '/renew-video'), has: 'dialog[open] input' },
    { name: 'abandon', path: job(running, '/abandon'), has: 'dialog[open]' },
    { name: 'cancel', path: job(ready, '/cancel'), has: 'dialog[open]' },
    { name: 'details', path: job(failed, '/details'), has: 'dialog[open] .entry' },
    {
      name: 'details-newer',
      path: job(created, '/details'),
      has: 'dialog[open] textarea',
      act: async (page) => {
        await page.getByLabel('Tags', { exact: true }).fill('mine');
        const newer = {
          tags: ['theirs', crypto.randomUUID().slice(0, 8)],
          metadata: { speaker: 'Alice Adams' },
        };
        await alice.call('PATCH', `/jobs/${created}`, newer);
        await page.locator('dialog .changed').getByText(newer.tags.join(', ')).waitFor();
      },
    },
    {
      name: 'erased',
      path: job(uploaded, '/erase'),
      has: 'dialog[open] input',
      act: async (page) => {
        // Once for all of those who look: the job is still there.
        await page.route(`**/jobs/${uploaded}`, (route) =>
          route.request().method() === 'DELETE' ? route.fulfill({ status: 202 }) : route.continue(),
        );
        await page.getByLabel('To erase it').fill('talk-007');
        await page.getByRole('button', { name: 'Erase this job' }).click();
        await page.getByRole('heading', { name: 'talk-007 is erased' }).waitFor();
        await page.unrouteAll();
      },
    },
    { name: 'erase', path: job(cancelled, '/erase'), has: 'dialog[open] input' },
    { name: 'erase-called', path: job(failed, '/erase'), has: 'dialog[open] input' },
    { name: 'erase-project', path: `/projects/${empty}/erase`, has: 'dialog[open] input' },
    { name: 'correct', path: job(ready, '/edit/transcript'), has: 'textarea' },
    { name: 'correct-not-now', path: job(running, '/edit/transcript'), has: '.empty' },
    { name: 'read', path: job(ready, '/read/draft/1'), has: '.text' },
    { name: 'not-found', path: job('job_nobody'), has: '.empty' },
    { name: 'no-such-page', path: '/nowhere', has: '.empty' },
  ];
}

/** One that is over, with a refusal in it, and one that is paused with a job in flight, in a project of its own. */
async function operationsOf(scene: Scene, over: readonly string[], of: string) {
  const { alice } = scene;
  const begin = async (projectId: string, filter: object, key: string): Promise<string> =>
    (
      await alice.post(`/projects/${projectId}/retries`, {
        ...{ model_profile: 'balanced', max_in_flight: 1, filter, client_request_id: key },
      })
    ).id;
  const done = await begin(of, { job_ids: over }, 'over');
  while ((await alice.get(`/operations/${done}`)).state !== 'done') await pause(200);
  const project = await scene.project('Podcasts');
  for (const external_id of ['episode-1', 'episode-2', 'episode-3']) {
    const id = await scene.failed(project, undefined, undefined, { external_id });
    await scene.stack.orchestrator.client.plan(id, { pipeline: { pause_before: 'DRAFT_READY' } });
  }
  const paused = await begin(project, { status: ['FAILED'] }, 'paused');
  await alice.post(`/operations/${paused}/pause`);
  return { project, paused, done };
}
