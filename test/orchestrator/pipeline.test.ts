// The make-believe pipeline that every stand-in for an orchestrator plays: what it reports, in which order it sends, and
// what it does about the answers.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { STATUSES, TRANSITIONS } from '../../src/domain/lifecycle.ts';
import { type Answer, afterAnswer, type Verdict } from '../support/pipeline/answers.ts';
import { perform } from '../support/pipeline/perform.ts';
import {
  CALM,
  course,
  RESUME_STATUSES,
  type ResumeStatus,
  type Script,
  STAGES,
  type Stage,
  statusesUntil,
  type Task,
  taskOf,
} from '../support/pipeline/script.ts';

const DRAFT: Task = { kind: 'draft' };
const reportsOf = (script: Partial<Script>, resumeFrom: ResumeStatus = 'UPLOADED', task: Task = DRAFT) =>
  course({ ...CALM, ...script }, { task, resumeFrom, key: 'exe_1' });
const statusesOf = (script: Partial<Script>, resumeFrom?: ResumeStatus, task?: Task) =>
  reportsOf(script, resumeFrom, task).reports.map(({ status }) => status);

describe('what is reported', () => {
  test('from the upload every stage to the draft, each checkpoint with its artifact', () => {
    expect(reportsOf({})).toEqual({
      reports: [
        { status: 'AUDIO_EXTRACTING' },
        { status: 'AUDIO_READY', artifact_updates: { audio_uri: 's3://artifacts/exe_1/audio' } },
        { status: 'TRANSCRIBING' },
        {
          status: 'TRANSCRIPT_READY',
          artifact_updates: { transcript_uri: 's3://artifacts/exe_1/transcript' },
        },
        { status: 'GENERATING' },
        { status: 'DRAFT_READY', artifact_updates: { draft_uri: 's3://artifacts/exe_1/draft' } },
      ],
      end: 'finished',
    });
  });

  test('from a checkpoint what follows it, with or without the checkpoint itself', () => {
    expect(statusesOf({}, 'TRANSCRIPT_READY')).toEqual(['GENERATING', 'DRAFT_READY']);
    expect(statusesOf({ restatesCheckpoint: true }, 'TRANSCRIPT_READY')).toEqual([
      'TRANSCRIPT_READY',
      'GENERATING',
      'DRAFT_READY',
    ]);
  });

  test('beyond the draft what the script goes on to, in its order', () => {
    expect(statusesOf({ goesOnTo: ['regeneration', 'export'] }, 'DRAFT_READY')).toEqual([
      'REGENERATING',
      'DRAFT_READY',
      'EXPORTING',
      'DONE',
    ]);
  });

  test('from a finished draft that it is left to its editor, and nothing is made', () => {
    const left = { reports: [{ status: 'EDITING' }], end: 'finished' };
    expect(reportsOf({}, 'DRAFT_READY')).toEqual(left);
    expect(reportsOf({}, 'DRAFT_READY', taskOf({ type: 'job.retry', formats: null }))).toEqual(left);
    expect(statusesOf({ restatesCheckpoint: true }, 'DRAFT_READY')).toEqual(['DRAFT_READY', 'EDITING']);
  });

  describe('for another draft', () => {
    const REDRAFT = taskOf({ type: 'job.redo' });

    test('REGENERATING with what is made on the way, then the draft', () => {
      expect(reportsOf({}, 'AUDIO_READY', REDRAFT)).toEqual({
        reports: [
          { status: 'REGENERATING' },
          {
            status: 'REGENERATING',
            artifact_updates: { transcript_uri: 's3://artifacts/exe_1/transcript' },
          },
          { status: 'REGENERATING' },
          { status: 'DRAFT_READY', artifact_updates: { draft_uri: 's3://artifacts/exe_1/draft' } },
        ],
        end: 'finished',
      });
      expect(statusesOf({}, 'UPLOADED', REDRAFT)).toHaveLength(6);
      expect(statusesOf({}, 'TRANSCRIPT_READY', REDRAFT)).toEqual(['REGENERATING', 'DRAFT_READY']);
    });

    test('nothing of the checkpoint that it resumes from: the job is past it', () => {
      expect(statusesOf({ restatesCheckpoint: true }, 'TRANSCRIPT_READY', REDRAFT)).toEqual([
        'REGENERATING',
        'DRAFT_READY',
      ]);
    });

    test('EDITING in place of the draft, with it, where the script has it end so', () => {
      expect(reportsOf({ endsEditing: true }, 'TRANSCRIPT_READY', REDRAFT).reports.at(-1)).toEqual({
        status: 'EDITING',
        artifact_updates: { draft_uri: 's3://artifacts/exe_1/draft' },
      });
    });

    test('its failure where it is at REGENERATING, or at the stage that it works on', () => {
      const all = statusesOf({}, 'AUDIO_READY', REDRAFT);
      const failing = (comes: 'before' | 'after', at: Stage) =>
        reportsOf({ fails: { comes, at } }, 'AUDIO_READY', REDRAFT).reports;

      expect(failing('before', 'REGENERATING').map(({ status }) => status)).toEqual(['FAILED']);
      expect(failing('after', 'REGENERATING')).toMatchObject([
        ...all.slice(0, -1).map((status) => ({ status })),
        { status: 'FAILED', failed_stage: 'REGENERATING' },
      ]);
      expect(failing('after', 'TRANSCRIBING')).toMatchObject([
        { status: 'REGENERATING' },
        { status: 'FAILED', failed_stage: 'TRANSCRIBING', failure_code: 'TRANSCRIPTION_FAILED' },
      ]);
      expect(failing('before', 'DRAFT_READY').slice(-2)).toMatchObject([
        { status: 'REGENERATING' },
        { status: 'FAILED', failed_stage: 'GENERATING' },
      ]);
    });

    test('its heartbeats and its end, in the words of either', () => {
      const beating = { heartbeats: { TRANSCRIBING: 1 } };
      expect(reportsOf(beating, 'AUDIO_READY', REDRAFT).reports.slice(0, 3)).toMatchObject([
        { status: 'REGENERATING', progress_pct: 0 },
        { status: 'REGENERATING', progress_pct: 50 },
        { status: 'REGENERATING', artifact_updates: { transcript_uri: expect.any(String) } },
      ]);
      expect(statusesOf({ diesBefore: 'GENERATING' }, 'AUDIO_READY', REDRAFT)).toHaveLength(2);
      expect(reportsOf({ diesBefore: 'REGENERATING' }, 'AUDIO_READY', REDRAFT)).toEqual({
        reports: [],
        end: 'died',
      });
      expect(statusesOf({ endsAfter: 'REGENERATING' }, 'AUDIO_READY', REDRAFT)).toHaveLength(3);
    });
  });

  describe('for an export', () => {
    const EXPORT = taskOf({ type: 'job.export', formats: ['srt', 'burned in/1'] });
    const exports = {
      srt: 's3://artifacts/exe_1/srt',
      'burned in/1': 's3://artifacts/exe_1/burned%20in%2F1',
    };

    test('EXPORTING, then DONE with a reference for each format, whatever else the script goes on to', () => {
      expect(
        reportsOf({ goesOnTo: ['editing', 'regeneration'], restatesCheckpoint: true }, 'DRAFT_READY', EXPORT),
      ).toEqual({
        reports: [{ status: 'EXPORTING' }, { status: 'DONE', artifact_updates: { exports } }],
        end: 'finished',
      });
    });

    test('EDITING in place of DONE, with what was exported, where the script has it end so', () => {
      expect(reportsOf({ endsEditing: true }, 'DRAFT_READY', EXPORT).reports.at(-1)).toEqual({
        status: 'EDITING',
        artifact_updates: { exports },
      });
    });

    test('a retry that names formats goes on to them from wherever it resumes; one that names none does not', () => {
      const retry = { type: 'job.retry' };
      expect(statusesOf({}, 'TRANSCRIPT_READY', taskOf({ ...retry, formats: ['srt'] }))).toEqual([
        ...['GENERATING', 'DRAFT_READY', 'EXPORTING', 'DONE'],
      ]);
      expect(statusesOf({}, 'TRANSCRIPT_READY', taskOf({ ...retry, formats: null }))).toEqual([
        'GENERATING',
        'DRAFT_READY',
      ]);
    });

    test.each([
      ['before', 'EXPORTING', ['FAILED']],
      ['after', 'EXPORTING', ['EXPORTING', 'FAILED']],
      ['before', 'DONE', ['EXPORTING', 'FAILED']],
    ] as const)('its failure %s %s', (comes, at, statuses) => {
      expect(statusesOf({ fails: { comes, at } }, 'DRAFT_READY', EXPORT)).toEqual(statuses);
    });
  });

  test('heartbeats, with progress in the stages that are named for them', () => {
    expect(
      reportsOf({ heartbeats: { TRANSCRIBING: 2, GENERATING: 0 } }, 'AUDIO_READY').reports,
    ).toMatchObject([
      { status: 'TRANSCRIBING', progress_pct: 0 },
      { status: 'TRANSCRIBING', progress_pct: 33 },
      { status: 'TRANSCRIBING', progress_pct: 67 },
      { status: 'TRANSCRIPT_READY' },
      { status: 'GENERATING', progress_pct: 0 },
      { status: 'DRAFT_READY' },
    ]);
  });

  test('each status follows from the one before it by the table of transitions, whichever is the last', () => {
    for (const last of STAGES) {
      const path = ['UPLOADED' as const, ...statusesUntil(last)];
      expect(path.at(-1)).toBe(last);
      for (const [index, status] of path.slice(1).entries()) {
        expect(TRANSITIONS[path[index] ?? 'DONE'], `${path[index]} → ${status}`).toHaveProperty(status);
      }
    }
    expect(STATUSES).toEqual(expect.arrayContaining([...STAGES, ...RESUME_STATUSES]));
  });
});

describe('how it ends', () => {
  const heartbeats = { TRANSCRIBING: 1 };

  test.each(STAGES)('with a failure in place of %s, or after its last report', (at) => {
    const script = { heartbeats, goesOnTo: ['editing', 'regeneration', 'export'] } as const;
    const all = statusesOf(script);
    const before = reportsOf({ ...script, fails: { comes: 'before', at } });
    const after = reportsOf({ ...script, fails: { comes: 'after', at } });

    expect(before.reports.map(({ status }) => status)).toEqual([...all.slice(0, all.indexOf(at)), 'FAILED']);
    expect(after.reports.at(-2)?.status).toBe(at);
    expect(after.reports.filter(({ status }) => status === at)).toHaveLength(at === 'TRANSCRIBING' ? 2 : 1);
    expect(after.reports.at(-1)).toMatchObject({ status: 'FAILED', failed_stage: at });
    expect([before.end, after.end]).toEqual(['failed', 'failed']);
  });

  test('a failure names the stage that was reached, and says what the script has it say', () => {
    const fails = { comes: 'before', at: 'TRANSCRIPT_READY' } as const;
    expect(reportsOf({ fails }).reports.at(-1)).toEqual({
      status: 'FAILED',
      failure_code: 'TRANSCRIPTION_FAILED',
      failure_message: 'The pipeline failed at TRANSCRIBING.',
      failed_stage: 'TRANSCRIBING',
    });
    expect(reportsOf({ fails: { ...fails, code: 'NO_GPU', message: 'Busy.' } }).reports.at(-1)).toMatchObject(
      {
        failure_code: 'NO_GPU',
        failure_message: 'Busy.',
      },
    );
  });

  test('a failure where it resumes from is all that it reports', () => {
    expect(statusesOf({ fails: { comes: 'after', at: 'AUDIO_READY' } }, 'AUDIO_READY')).toEqual(['FAILED']);
    expect(statusesOf({ fails: { comes: 'after', at: 'UPLOADED' } })).toEqual(['FAILED']);
  });

  test('a failure that does not lie on its way does not happen', () => {
    expect(reportsOf({ fails: { comes: 'before', at: 'AUDIO_READY' } }, 'AUDIO_READY').end).toBe('finished');
  });

  test('silently before a status, its own failure included', () => {
    expect(reportsOf({ heartbeats, diesBefore: 'TRANSCRIBING' })).toMatchObject({
      reports: [{ status: 'AUDIO_EXTRACTING' }, { status: 'AUDIO_READY' }],
      end: 'died',
    });
    const fails = { comes: 'after', at: 'AUDIO_EXTRACTING' } as const;
    expect(reportsOf({ fails, diesBefore: 'FAILED' })).toMatchObject({
      reports: [{ status: 'AUDIO_EXTRACTING' }],
      end: 'died',
    });
  });

  test('in good order after a status, heartbeats included', () => {
    expect(statusesOf({ heartbeats, endsAfter: 'TRANSCRIBING' }, 'AUDIO_READY')).toEqual([
      'TRANSCRIBING',
      'TRANSCRIBING',
    ]);
  });
});

const refused = (status: number, errorCode: string | null = null): Answer => ({ status, errorCode });
const TAKEN = refused(204);
const TOO_EARLY = refused(409, 'FSM_TRANSITION_INVALID');
const OUT_OF_ORDER = refused(409, 'CALLBACK_OUT_OF_ORDER');

describe('what it does about an answer', () => {
  /** By the row of spec/dispatch.md that says so. */
  const rows: Record<string, [Verdict, ...(Answer | null)[]]> = {
    '`204`, `200`': ['go-on', TAKEN, refused(200)],
    '`5xx`, `429`, no answer': ['again', refused(500), refused(503), refused(429), null],
    '`409 MANIFEST_FULL`, `409 REPORTS_EXHAUSTED`': [
      'stop',
      refused(409, 'MANIFEST_FULL'),
      refused(409, 'REPORTS_EXHAUSTED'),
    ],
    '`401`, `409 DISPATCH_NOT_CURRENT`, `409 FSM_TERMINAL_IMMUTABLE`': [
      'stop',
      refused(401, 'UNAUTHENTICATED'),
      refused(409, 'DISPATCH_NOT_CURRENT'),
      refused(409, 'FSM_TERMINAL_IMMUTABLE'),
    ],
    '`404`': ['stop', refused(404)],
    '`409 CALLBACK_OUT_OF_ORDER`': ['drop', OUT_OF_ORDER],
    '`409 FSM_TRANSITION_INVALID`': ['later', TOO_EARLY],
    'other `4xx`': ['stop', refused(400, 'VALIDATION_ERROR'), refused(409, 'EVENT_ID_PAYLOAD_MISMATCH')],
  };

  test.each(Object.entries(rows))('%s', (_row, [verdict, ...answers]) => {
    for (const answer of answers) expect(afterAnswer(answer), JSON.stringify(answer)).toBe(verdict);
  });

  test('the rows are those of spec/dispatch.md', () => {
    const page = readFileSync(new URL('../../spec/dispatch.md', import.meta.url), 'utf8');
    const [, table = ''] = /^\| answer \| what to do \|\n\| --- \| --- \|\n((?:\|.*\n)+)/m.exec(page) ?? [];
    const answers = table.split('\n').flatMap((line) => line.split(' | ').slice(0, 1));
    expect(answers.filter((answer) => answer !== '').map((answer) => answer.replace(/^\| /, ''))).toEqual(
      Object.keys(rows),
    );
  });
});

describe('the order of sending', () => {
  const inPairs = (script: Partial<Script> = {}) => ({ ...CALM, swapsPairs: true, ...script });

  /** The statuses in the order of sending; `answers` says how each is answered, first time first. */
  async function sent(script: Script, answers: Partial<Record<string, (Answer | null)[]>> = {}) {
    const statuses: string[] = [];
    const ending = await perform(
      course(script, { task: DRAFT, resumeFrom: 'UPLOADED', key: 'exe_1' }),
      script,
      {
        comesAbout: async (report) => report,
        send: async ({ status }) => {
          statuses.push(status);
          const next = answers[status]?.shift();
          return next === undefined ? TAKEN : next;
        },
      },
    );
    return { statuses, ending };
  }

  test('one report after another, and on past one that is dropped', async () => {
    const { statuses, ending } = await sent(CALM, { AUDIO_READY: [OUT_OF_ORDER] });
    expect(statuses).toEqual(statusesUntil('DRAFT_READY'));
    expect(ending).toEqual({ end: 'finished' });
  });

  test.each([TOO_EARLY, refused(401), null])('nothing after one that was answered %o', async (answer) => {
    const { statuses, ending } = await sent(CALM, { AUDIO_READY: [answer] });
    expect(statuses).toEqual(['AUDIO_EXTRACTING', 'AUDIO_READY']);
    expect(ending).toEqual({ end: 'stopped', by: answer });
  });

  test('in swapped pairs, the last alone when it has no other', async () => {
    const { statuses } = await sent(inPairs({ endsAfter: 'GENERATING' }));
    expect(statuses).toEqual([
      ...['AUDIO_READY', 'AUDIO_EXTRACTING', 'TRANSCRIPT_READY', 'TRANSCRIBING'],
      'GENERATING',
    ]);
  });

  test('what came too early comes once more, after the one that it overtook', async () => {
    const { statuses, ending } = await sent(inPairs({ endsAfter: 'AUDIO_READY' }), {
      AUDIO_READY: [TOO_EARLY],
    });
    expect(statuses).toEqual(['AUDIO_READY', 'AUDIO_EXTRACTING', 'AUDIO_READY']);
    expect(ending).toEqual({ end: 'finished' });
  });

  test('a pair of which neither follows is left behind, however early it came', async () => {
    const { statuses, ending } = await sent(inPairs({ endsAfter: 'TRANSCRIPT_READY' }), {
      AUDIO_READY: [TOO_EARLY, TOO_EARLY],
      AUDIO_EXTRACTING: [TOO_EARLY],
    });
    expect(statuses).toEqual([
      ...['AUDIO_READY', 'AUDIO_EXTRACTING', 'AUDIO_READY'],
      ...['TRANSCRIPT_READY', 'TRANSCRIBING'],
    ]);
    expect(ending).toEqual({ end: 'finished' });
  });

  test('what is held back for a swap dies with its pipeline', async () => {
    const { statuses, ending } = await sent(inPairs({ diesBefore: 'TRANSCRIPT_READY' }));
    expect(statuses).toEqual(['AUDIO_READY', 'AUDIO_EXTRACTING']);
    expect(ending).toEqual({ end: 'died' });
  });
});
