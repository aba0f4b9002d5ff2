// How the story goes on: the editor corrects what a model made, has the draft made again from that, and nothing passes over the
// correction; then an export, which fails once, ends the job.
import type { Editor, Reply } from '../support/editor.ts';
import type { OrchestratorClient } from '../support/orchestrator/client.ts';
import { follow } from './follow.ts';
import type { Narrator } from './narrator.ts';
import { inShort, planLines } from './plan-text.ts';

/** Of a job with a finished draft. Throws `NotAsTold` at the first fact that does not hold. */
export async function playCorrections(
  alice: Editor,
  jobId: string,
  orchestrator: OrchestratorClient,
  narrator: Narrator,
): Promise<void> {
  const versionsOf = async (stage: string): Promise<Reply['body'][]> => {
    const { items } = await alice.get(`/jobs/${jobId}/artifacts`);
    return items.filter((item: Reply['body']) => item.stage === stage);
  };
  const read = (stage: string, version: number) =>
    alice.call('GET', `/jobs/${jobId}/artifacts/${stage}/${version}/content`);
  const correct = async (version: number, text: string, key: string) => {
    const headers = { 'if-match': `"${version}"`, 'idempotency-key': key };
    const reply = await alice.send('PUT', `/jobs/${jobId}/artifacts/transcript/content`, text, headers);
    narrator.http(`PUT …/artifacts/transcript/content  If-Match: "${version}"`, reply);
    return reply;
  };
  const redoPlan = async (query: string) => {
    const plan = await alice.call('GET', `/jobs/${jobId}/redo-plan?${query}`);
    narrator.say(`    GET …/redo-plan?${query}`);
    for (const line of planLines(plan.body)) narrator.say(`      ${line}`);
    return plan;
  };

  narrator.step('She reads the transcript and corrects a name in it');
  const before = (await alice.get(`/jobs/${jobId}`)).manifest;
  const counting = (await versionsOf('transcript')).find(({ ref }) => ref === before.transcript_uri);
  const text: string = (await read('transcript', counting.version)).body;
  const edited = await correct(counting.version, `${text}Alice, not Alis.\n`, 'correction-1');
  const { version } = edited.body;
  narrator.check(
    'it is one more version, and says who made it of which',
    [edited.status, version.made_by],
    [200, { kind: 'editor', actor_id: 'alice', actor_name: null, edits: counting.version }],
  );
  const [draft] = await versionsOf('draft');
  narrator.check('the draft is known to be of the text of before', draft.stale, true);
  const second = await correct(counting.version, `${text}Alys!\n`, 'correction-2');
  narrator.check(
    'who has not seen her correction cannot overwrite it',
    [second.status, second.body.error_code, second.body.details.newest.version],
    [409, 'ARTIFACT_VERSION_CONFLICT', version.version],
  );

  narrator.step('She has the draft made again, by another writer and from what she has corrected');
  const plan = await redoPlan('model_profile=polished');
  narrator.check('her transcript is kept', inShort(plan), [1, version.version, 'gpt-5']);
  const redone = await alice.call(
    'POST',
    `/jobs/${jobId}/redo`,
    { model_profile: 'polished', client_request_id: 'redo-1' },
    { 'if-match': plan.body.etag },
  );
  narrator.http('POST …/redo  model_profile: polished, If-Match: the plan', redone);
  narrator.check('the redo is accepted', [redone.status, redone.body.checkpoint_ref], [202, version.ref]);
  const ready = await follow(alice, jobId, narrator);
  const drafts = await versionsOf('draft');
  narrator.check(
    'there are two drafts now: the first stays, the second is shown',
    [drafts.length, drafts[0].ref, drafts[1].ref],
    [2, before.draft_uri, ready.manifest.draft_uri],
  );
  const written: string = (await read('draft', 2)).body;
  narrator.check(
    'it says itself what it was made from',
    /^made from: (.+)$/m.exec(written)?.[1],
    version.ref,
  );

  narrator.step('Whoever transcribes, her correction stays, unless she says that it may go');
  const accurate = await redoPlan('model_profile=accurate');
  narrator.check('another transcriber has nothing to do', inShort(accurate), [1, version.version, 'gpt-5']);
  const again = { model_profile: 'accurate', client_request_id: 'redo-2', resume_from: 'AUDIO_READY' };
  const refused = await alice.call('POST', `/jobs/${jobId}/redo`, again);
  narrator.http('POST …/redo  resume_from: AUDIO_READY', refused, ['error_code', 'details.edits']);
  narrator.check(
    'what would pass over it is refused',
    [refused.status, refused.body.error_code],
    [409, 'EDITS_IN_THE_WAY'],
  );
  const allowed = await redoPlan('model_profile=accurate&resume_from=AUDIO_READY&discard_edits=transcript');
  narrator.check('told to, the plan says what it discards', allowed.body.edits_discarded, [
    { stage: 'transcript', version: version.version },
  ]);

  narrator.step('She exports it; the first attempt fails, and the retry knows what was wanted');
  await orchestrator.plan(jobId, { pipeline: { fail_at: 'EXPORTING', fail_times: 1 } });
  const wanted = { formats: ['docx', 'srt'], params: { language: 'en' } };
  const exported = await alice.call('POST', `/jobs/${jobId}/export`, {
    ...wanted,
    client_request_id: 'export-1',
  });
  narrator.http('POST …/export  formats: docx, srt', exported, ['dispatch_state']);
  narrator.check('the export is accepted', exported.status, 202);
  const failed = await follow(alice, jobId, narrator);
  narrator.check('it failed while it exported', failed.failure?.failed_stage, 'EXPORTING');
  const retried = await alice.retry(jobId, { model_profile: 'polished', client_request_id: 'retry-4' });
  narrator.http('POST …/retry  model_profile: polished', retried);
  narrator.check(
    'the retry goes on with the draft',
    [retried.status, retried.body.checkpoint_ref],
    [202, ready.manifest.draft_uri],
  );
  const done = await follow(alice, jobId, narrator);
  narrator.check(
    'the job is done, in both formats',
    [done.status, Object.keys(done.manifest.exports)],
    ['DONE', wanted.formats],
  );
  const log = await orchestrator.waitFor(jobId, 'idle');
  narrator.check(
    "the orchestrator's own log agrees: seven executions, and one export of the second draft as it was asked for",
    [log.executions.length, log.exported.map(({ from, formats, params }) => ({ from, formats, params }))],
    [7, [{ from: ready.manifest.draft_uri, ...wanted }]],
  );
}
