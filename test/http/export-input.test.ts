// What an export may be asked with: names of formats, an object for the orchestrator alone, and by which id it is known.
import { describe, expect, test } from 'vitest';
import { withoutSideEffect } from '../support/workerd/harness.ts';
import { acceptedExport, drafted, exportAs } from './editing.ts';
import { sentOf } from './planning.ts';
import { expectIssues, refusal } from './refusal.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `format-${index}`);
/** An object that is this long as JSON, in bytes of UTF-8. */
const paramsOf = (bytes: number, filler = 'x'): object => {
  const unit = new TextEncoder().encode(filler).byteLength;
  const rest = bytes - '{"text":""}'.length;
  return { text: filler.repeat(Math.floor(rest / unit)) + 'x'.repeat(rest % unit) };
};

describe('formats', () => {
  test.each<[string, unknown, string]>([
    ['none', [], 'formats'],
    ['33', names(33), 'formats'],
    ['one twice', ['docx', 'srt', 'docx'], 'formats'],
    ['an empty name', [''], 'formats.0'],
    ['a name of 65 characters', ['docx', 'x'.repeat(65)], 'formats.1'],
    ['a name with a blank', ['my docx'], 'formats.0'],
    ['a name with a quote', ['"docx"'], 'formats.0'],
    ['a name with an angle bracket', ['<docx>'], 'formats.0'],
    ['a name that is not ASCII', ['докс'], 'formats.0'],
    ['a name that means something to JavaScript', ['__proto__'], 'formats.0'],
    ['a name that is a number', [7], 'formats.0'],
    ['null', null, 'formats'],
    ['nothing', undefined, 'formats'],
    ['a name in place of a list', 'docx', 'formats'],
    ['an object in place of a list', { docx: true }, 'formats'],
  ])('of %s are refused', async (_what, formats, path) => {
    const { job } = await drafted();

    expectIssues(await refusal(job, () => exportAs(job, { formats })), path);
  });

  test.each([
    ['one', ['docx']],
    ['32', names(32)],
    ['the longest name', ['x'.repeat(64)]],
    ['names of all kinds', ['docx', 'DOCX', 'srt/v1.1', 'text-plain;charset=utf-8', '#', 'constructor']],
  ])('of %s are handed on as they are', async (_what, formats) => {
    const { job } = await drafted();

    const { dispatchId } = await acceptedExport(job, { formats });

    expect((await sentOf(job, dispatchId)).formats).toEqual(formats);
  });
});

describe('params', () => {
  test.each<[string, unknown]>([
    ['a list', ['a']],
    ['text', '{}'],
    ['a number', 7],
    ['true', true],
    ['an object of 4 KiB and one byte', paramsOf(4097)],
    ['an object of 4 KiB and one byte, in fewer characters', paramsOf(4097, '講')],
  ])('that are %s are refused', async (_what, params) => {
    const { job } = await drafted();

    expectIssues(await refusal(job, () => exportAs(job, { params })), 'params');
  });

  test('that are nested deeper than anybody could follow are refused', async () => {
    const { job } = await drafted();
    const depth = 20_000;
    const body = `{"formats":["docx"],"client_request_id":"x","params":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`;

    const reply = await refusal(job, () => job.post('export', body));

    expectIssues(reply, 'params');
  });

  test.each<[string, object]>([
    ['an object of 4 KiB', paramsOf(4096)],
    ['an object of 4 KiB of another script', paramsOf(4096, '講')],
    ['names, lists and numbers of all kinds', { a: [1, null, { b: 0.5, '': false }], ключ: '"<&' }],
    ['what looks like ours', { formats: ['x'], checkpoint_ref: 'y', type: 'job.run' }],
  ])('that are %s are handed on as they are', async (_what, params) => {
    const { job } = await drafted();

    const { dispatchId } = await acceptedExport(job, { params });

    expect((await sentOf(job, dispatchId)).params).toEqual(params);
    expect((await job.dispatch(dispatchId)).export.params).toEqual(params);
  });
});

test.each<[string, Record<string, unknown>, string]>([
  ['a profile', { model_profile: 'balanced' }, ''],
  ['where to begin', { resume_from: 'DRAFT_READY' }, ''],
  ['corrections of audio to look past', { discard_edits: ['audio'] }, 'discard_edits.0'],
  ['no id', { client_request_id: undefined }, 'client_request_id'],
  ['an id of 129 characters', { client_request_id: 'x'.repeat(129) }, 'client_request_id'],
])('an export with %s is refused', async (_what, said, path) => {
  const { job } = await drafted();

  expectIssues(await refusal(job, () => exportAs(job, said)), path);
});

describe('a repeat', () => {
  const SAID = { formats: ['docx', 'srt'], params: { a: 1 } };

  test.each<[string, string | undefined, Record<string, string>]>([
    ['client_request_id', 'the-same', {}],
    ['Idempotency-Key', undefined, { 'idempotency-key': '"the-same"' }],
  ])('under the same %s is answered with the same dispatch', async (_how, id, headers) => {
    const { job } = await drafted();
    const ask = () => exportAs(job, { ...SAID, client_request_id: id }, headers);
    const first = await ask();
    expect(first.status, first.text).toBe(202);

    const repeat = await withoutSideEffect(job, ask);

    expect(repeat.status).toBe(200);
    expect(repeat.body).toEqual({ ...first.body, replayed: true });
  });

  test('is answered so after the job is done', async () => {
    const { job } = await drafted();
    const said = { ...SAID, client_request_id: 'the-same' };
    const { pipeline, dispatchId } = await acceptedExport(job, said);
    await pipeline.reportAll('EXPORTING', 'DONE');

    const repeat = await withoutSideEffect(job, () => exportAs(job, said));

    expect(repeat.status).toBe(200);
    expect(repeat.body).toMatchObject({ dispatch_id: dispatchId, status: 'DONE', replayed: true });
  });

  test.each<[string, Record<string, unknown>]>([
    ['other formats', { formats: ['docx'] }],
    ['the formats in another order', { formats: ['srt', 'docx'] }],
    ['other params', { params: { a: 2 } }],
    ['no params', { params: undefined }],
    ['empty params', { params: {} }],
  ])('with %s is refused', async (_what, other) => {
    const { job } = await drafted();
    const { dispatchId } = await acceptedExport(job, { ...SAID, client_request_id: 'the-same' });

    const reply = await withoutSideEffect(job, () =>
      exportAs(job, { ...SAID, ...other, client_request_id: 'the-same' }),
    );

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH',
      details: { client_request_id: 'the-same', dispatch_id: dispatchId },
    });
  });
});
