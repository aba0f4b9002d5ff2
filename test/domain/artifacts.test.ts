// Which versions reports make: when, by whom, from what, and when each is complete.
import { describe, expect, test } from 'vitest';
import type { ArtifactUpdates } from '../../src/domain/commands.ts';
import type { ReportableStatus } from '../../src/domain/lifecycle.ts';
import { callback, confirmUpload, delivered, NO_ARTIFACTS, retry, run } from './builders.ts';
import { MemoryJob, RULES } from './memory-job.ts';

class Reporting extends MemoryJob {
  #now = 1_000;
  id = 'dsp_run';

  /** What was reported, and the versions in words: number, reference, what it was made from; `?` while it is incomplete. */
  report(
    status: ReportableStatus,
    brought: Partial<ArtifactUpdates> = {},
    failedStage: string | null = null,
  ) {
    this.#now += 1;
    const said = { failureCode: 'X', failureMessage: null, failureClass: null, retryAfterMs: null };
    const { kind } = this.execute(
      callback(this.id, status, {
        occurredAt: this.#now,
        artifacts: { ...NO_ARTIFACTS, ...brought },
        failure: status === 'FAILED' ? { ...said, failedStage } : null,
      }),
      this.#now,
    );
    if (kind !== 'accepted') throw new Error(`${status} was ${kind}`);
    return this;
  }

  retried(id: string, modelProfile = 'balanced') {
    this.#now += 1;
    const { kind } = this.execute(retry(id, { modelProfile }), this.#now);
    if (kind !== 'accepted') throw new Error(`the retry was ${kind}`);
    this.execute(delivered(id), this.#now);
    this.id = id;
    return this;
  }

  get words(): string[] {
    return this.job.versions.map(
      ({ stage, version, ref, madeFrom, isComplete }) =>
        `${stage} ${version} ${ref}${madeFrom === null ? '' : ` of ${madeFrom}`}${isComplete ? '' : ' ?'}`,
    );
  }
}

function running(): Reporting {
  const job = new Reporting();
  job.execute(confirmUpload(), 10);
  job.execute(run('dsp_run'), 20);
  job.execute(delivered('dsp_run'), 30);
  return job;
}

/** Through its audio and transcript, each in a place of its own. */
const transcribed = (job = running(), key = job.id): Reporting =>
  job
    .report('AUDIO_READY', { audioUri: `${key}/a` })
    .report('TRANSCRIBING')
    .report('TRANSCRIPT_READY', { transcriptUri: `${key}/t` });

test('a version is made where a checkpoint is reached, by its pipeline, under its profile, policy and engine', () => {
  const [audio, transcript] = transcribed().job.versions;
  const by = { kind: 'pipeline', dispatchId: 'dsp_run', modelProfile: 'balanced' };
  expect(audio?.madeBy).toEqual({ ...by, policyVersion: RULES.policy.version, engine: null });
  expect(transcript?.madeBy).toEqual({ ...by, policyVersion: RULES.policy.version, engine: 'ears-1' });
});

describe('an artifact', () => {
  test('that its pipeline named early and did not come back to is never complete', () => {
    const job = running()
      .report('AUDIO_READY', { audioUri: 'a' })
      .report('TRANSCRIBING', { transcriptUri: 'part' })
      .report('TRANSCRIPT_READY', { transcriptUri: 'whole' })
      .report('FAILED');
    expect(job.words).toEqual(['audio 1 a', 'transcript 1 part of 1 ?', 'transcript 2 whole of 1']);
  });

  test('that is named while its stage is done once more is incomplete until that is over', () => {
    const drafted = () =>
      transcribed()
        .report('GENERATING')
        .report('DRAFT_READY', { draftUri: 'd' })
        .report('REGENERATING', { draftUri: 'e' });
    expect(drafted().words.at(-1)).toBe('draft 2 e of 1 ?');
    expect(drafted().report('FAILED').words.at(-1)).toBe('draft 2 e of 1 ?');
    expect(drafted().report('DRAFT_READY').words.slice(-2)).toEqual(['draft 1 d of 1', 'draft 2 e of 1']);
  });

  test('that is named before its stage is reached is incomplete until then', () => {
    const job = running().report('AUDIO_EXTRACTING', { audioUri: 'a' });
    expect(job.words).toEqual(['audio 1 a ?']);
    expect(job.report('AUDIO_READY').words).toEqual(['audio 1 a']);
  });

  test('that is named early is complete when its pipeline fails in a later stage, and not when it fails before', () => {
    const early = () => running().report('AUDIO_READY').report('TRANSCRIBING', { transcriptUri: 't' });
    expect(early().report('FAILED', {}, 'GENERATING').words).toEqual(['transcript 1 t']);
    expect(early().report('FAILED', {}, 'TRANSCRIBING').words).toEqual(['transcript 1 t ?']);
    expect(early().report('FAILED').words).toEqual(['transcript 1 t ?']);
  });

  test('that comes behind its checkpoint, or with the report of a failure, is complete at once', () => {
    const job = running().report('AUDIO_READY').report('TRANSCRIBING', { audioUri: 'a' });
    expect(job.words).toEqual(['audio 1 a']);
    expect(job.report('FAILED', { audioUri: 'b' }).words).toEqual(['audio 1 a', 'audio 2 b']);
  });

  test('that is named again by its own pipeline is no new version', () => {
    const job = running().report('AUDIO_READY', { audioUri: 'a' });
    const { versions } = job.job;
    job.report('AUDIO_READY', { audioUri: 'a' }).report('TRANSCRIBING', { audioUri: 'a' });
    expect(job.job.versions).toBe(versions);
  });

  test('that is named elsewhere is one', () => {
    const job = running().report('AUDIO_READY', { audioUri: 'a' }).report('AUDIO_READY', { audioUri: 'b' });
    expect(job.words).toEqual(['audio 1 a', 'audio 2 b']);
  });

  test('that is named again with another digest is one, and with the same or none it is not', () => {
    const job = running().report('AUDIO_READY', { audioUri: 'a', digest: 'md5:1' });
    job.report('AUDIO_READY', { audioUri: 'a', digest: 'md5:1' }).report('AUDIO_READY', { audioUri: 'a' });
    expect(job.words).toEqual(['audio 1 a']);
    job.report('AUDIO_READY', { audioUri: 'a', digest: 'md5:2' });
    expect(job.job.versions.map(({ version, digest }) => [version, digest])).toEqual([
      [1, 'md5:1'],
      [2, 'md5:2'],
    ]);
  });

  test('that is named again with the same digest in another form is none', () => {
    const digest = `sha-256:${'ab'.repeat(32)}`;
    const base64 = Buffer.from('ab'.repeat(32), 'hex').toString('base64');
    const job = running().report('AUDIO_READY', { audioUri: 'a', digest });
    job.report('AUDIO_READY', { audioUri: 'a', digest: `sha-256=:${base64}:` });
    expect(job.words).toEqual(['audio 1 a']);
  });

  test('that another pipeline writes to the same place is one, as soon as it is named', () => {
    const job = running().report('AUDIO_READY', { audioUri: 'a' });
    job.report('TRANSCRIBING').report('TRANSCRIPT_READY', { transcriptUri: 't' }).report('FAILED');
    job.retried('dsp_any', 'late').report('GENERATING').report('FAILED');
    expect(job.words).toEqual(['audio 1 a', 'transcript 1 t of 1']);
    job.rules = rulesWith('ears-2');
    job.retried('dsp_2').report('TRANSCRIBING', { transcriptUri: 't' });
    expect(job.words).toEqual(['audio 1 a', 'transcript 1 t of 1', 'transcript 2 t of 1 ?']);
  });

  test('that a pipeline was given and hands on is no new version, also where it is not the newest', () => {
    const job = transcribed().report('FAILED');
    job.rules = rulesWith('ears-2');
    job.retried('dsp_2').report('TRANSCRIBING').report('TRANSCRIPT_READY', { transcriptUri: 'newer' });
    job.report('FAILED');
    job.rules = RULES;
    job.retried('dsp_3').report('TRANSCRIPT_READY', { audioUri: 'dsp_run/a', transcriptUri: 'dsp_run/t' });
    expect(job.words).toEqual([
      'audio 1 dsp_run/a',
      'transcript 1 dsp_run/t of 1',
      'transcript 2 newer of 1',
    ]);
  });

  test('that a pipeline was given and has written to anew is one: its digest is another', () => {
    const job = transcribed().report('FAILED').retried('dsp_2');
    job.report('TRANSCRIPT_READY', { transcriptUri: 'dsp_run/t', digest: 'md5:1' });
    expect(job.words).toHaveLength(2);
    const known = running().report('AUDIO_READY', { audioUri: 'a', digest: 'md5:1' }).report('FAILED');
    known.retried('dsp_2').report('AUDIO_READY', { audioUri: 'a', digest: 'md5:2' });
    expect(known.words).toEqual(['audio 1 a', 'audio 2 a']);
  });
});

describe('what a version was made from is', () => {
  test('nothing of audio, and where its pipeline named nothing before it', () => {
    expect(running().report('AUDIO_EXTRACTING', { transcriptUri: 't' }).words).toEqual(['transcript 1 t ?']);
  });

  test('of the first that a pipeline makes what it resumed from, which may be older than the newest', () => {
    const job = transcribed().report('FAILED');
    job.rules = rulesWith('ears-2');
    job.retried('dsp_2').report('TRANSCRIBING').report('TRANSCRIPT_READY', { transcriptUri: 'newer' });
    job.report('FAILED');
    job.rules = RULES;
    job.retried('dsp_3').report('GENERATING').report('DRAFT_READY', { draftUri: 'd' });
    expect(job.words.at(-1)).toBe('draft 1 d of 1');
  });

  test('of the later ones what it made itself', () => {
    const job = transcribed().report('FAILED');
    job.rules = rulesWith('ears-2');
    job.retried('dsp_2').report('TRANSCRIBING').report('TRANSCRIPT_READY', { transcriptUri: 'newer' });
    job.report('GENERATING').report('DRAFT_READY', { draftUri: 'd' });
    expect(job.words.slice(2)).toEqual(['transcript 2 newer of 1', 'draft 1 d of 2']);
  });
});

describe('a digest and a size are', () => {
  const facts = { digest: 'md5:1', sizeBytes: 7 };
  const known = (job: Reporting) =>
    job.job.versions.map(({ stage, digest, sizeBytes }) => [stage, digest, sizeBytes]);

  test('of the checkpoint that the report reaches, and of nothing else that it names', () => {
    const job = running().report('AUDIO_READY', { audioUri: 'a', transcriptUri: 't', ...facts });
    expect(known(job)).toEqual([
      ['audio', 'md5:1', 7],
      ['transcript', null, null],
    ]);
    const other = running().report('AUDIO_READY', { draftUri: 'd', ...facts });
    expect(known(other)).toEqual([['draft', null, null]]);
  });

  test('else of the only artifact that it names', () => {
    const job = running().report('AUDIO_EXTRACTING', { audioUri: 'a', ...facts });
    expect(known(job)).toEqual([['audio', 'md5:1', 7]]);
    expect(known(running().report('AUDIO_EXTRACTING', { audioUri: 'a', draftUri: 'd', ...facts }))).toEqual([
      ['audio', null, null],
      ['draft', null, null],
    ]);
  });

  test('learnt later where nobody had said, and never of another pipeline’s', () => {
    const job = running().report('AUDIO_EXTRACTING', { audioUri: 'a' }).report('AUDIO_READY', facts);
    expect(known(job)).toEqual([['audio', 'md5:1', 7]]);
    const other = running().report('AUDIO_READY', { audioUri: 'a' }).report('FAILED').retried('dsp_2');
    expect(known(other.report('AUDIO_READY', facts))).toEqual([['audio', null, null]]);
  });
});

test('the event of a report holds the versions that it made, and no others', () => {
  const job = transcribed();
  expect(job.state.events.map(({ versions }) => versions.map(({ stage }) => stage))).toEqual([
    ['audio'],
    [],
    ['transcript'],
  ]);
});

/** The policy with another transcriber for `balanced`. */
function rulesWith(transcriber: string) {
  const profiles = RULES.policy.profiles.map((profile) =>
    profile.id === 'balanced'
      ? { ...profile, engines: { ...profile.engines, transcript: transcriber } }
      : profile,
  );
  return { ...RULES, policy: { ...RULES.policy, version: transcriber, profiles } };
}
