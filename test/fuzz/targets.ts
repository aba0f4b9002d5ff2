// The people and the jobs of the fuzzing. Jobs stand in every state that the service and a real orchestrator bring
// about; one that a command has moved on is replaced by another in the state that was asked for.
import { generateKeyPair, importJWK, type JWTPayload, SignJWT } from 'jose';
import { newId } from '../../src/contract/ids.ts';
import type { Stack } from '../e2e/stack.ts';
import { devSetting, devSigningKey } from '../support/dev-settings.ts';
import { Editor } from '../support/editor.ts';
import { editorToken } from '../support/editor-token.ts';
import { newId as madeUpId } from '../support/ids.ts';
import type { Plan } from '../support/orchestrator/plan.ts';

export const STATES = [
  'CREATED',
  'UPLOADED',
  'REFUSED',
  'RUNNING',
  'FAILED',
  'RETRIED',
  'BEREFT',
  'ELSEWHERE',
  'CORRECTED',
  'DRAFT_READY',
  'OVERTAKEN',
  'EDITED',
  'CANCELLED',
] as const;
export type State = (typeof STATES)[number];

export interface Target {
  jobId: string;
  projectId: string;
  /** An operation that is over, over jobs of another project, which many are retried in and nothing happens to any. */
  operationId: string;
  bulkProjectId: string;
  /** Of its latest dispatch; null before the first. */
  callbackToken: string | null;
}

type Bulk = Pick<Target, 'bulkProjectId' | 'operationId'>;

interface Recipe {
  plan?: Plan;
  isUploaded: boolean;
  /** Status that the run brings it to; null without a run. */
  runsTo: string | null;
  isCancelled?: boolean;
  /** What happens to the job then. */
  afterwards?: (jobId: string, made: Making) => Promise<void>;
}
interface Making {
  stack: Stack;
  editor: Editor;
  callbackToken: string;
}
const failed = (jobId: string, editor: Editor) =>
  editor.jobWhen(
    jobId,
    'FAILED',
    ({ status, open_dispatch }) => status === 'FAILED' && open_dispatch === null,
  );
const wordsOf = (jobId: string) => `s3://private-corrections/${jobId}/words-of-the-owner.txt`;
const correct = (jobId: string, stage: string, uri: string, editor: Editor) =>
  editor.put(`/jobs/${jobId}/artifacts/${stage}`, { uri, edits: 1, client_request_id: `${stage}-corrected` });
const FAILS_LATE: Plan = { pipeline: { fail_at: 'GENERATING', fail_times: 2, heartbeats: 0 } };
const HELD_BY_TEST: Plan = { pipeline: { manual: true } };
const RECIPES: Record<State, Recipe> = {
  CREATED: { isUploaded: false, runsTo: null },
  UPLOADED: { isUploaded: true, runsTo: null, plan: HELD_BY_TEST },
  REFUSED: {
    isUploaded: true,
    runsTo: null,
    plan: { answers: [{ kind: 'refuse', status: 422 }], repeat_last: true },
  },
  RUNNING: { isUploaded: true, runsTo: 'AUDIO_EXTRACTING', plan: HELD_BY_TEST },
  FAILED: {
    isUploaded: true,
    runsTo: 'FAILED',
    plan: { pipeline: { fail_at: 'TRANSCRIBING', heartbeats: 0 } },
  },
  // Everything of it was made twice.
  RETRIED: {
    isUploaded: true,
    runsTo: 'FAILED',
    plan: FAILS_LATE,
    afterwards: async (jobId, { editor }) => {
      const request = { model_profile: 'balanced', client_request_id: 'again', resume_from: 'UPLOADED' };
      await failed(jobId, editor);
      await editor.post(`/jobs/${jobId}/retry`, request);
      await failed(jobId, editor);
    },
  },
  // Its transcript is another file than it was.
  BEREFT: {
    isUploaded: true,
    runsTo: 'FAILED',
    plan: FAILS_LATE,
    afterwards: async (jobId, { editor, stack }) => {
      const { manifest } = await failed(jobId, editor);
      await stack.artifacts.overwrite(manifest.transcript_uri, 'something else');
    },
  },
  // What was made of it is in a store that the service cannot look into, and it failed for want of quota.
  ELSEWHERE: {
    isUploaded: true,
    runsTo: 'AUDIO_EXTRACTING',
    plan: HELD_BY_TEST,
    afterwards: async (jobId, { stack, callbackToken }) => {
      const pipeline = new Editor(stack.serviceUrl, callbackToken);
      const audio_uri = `s3://private-audio/${jobId}/voice-of-the-owner.wav`;
      const reports = [
        { status: 'AUDIO_READY', artifact_updates: { audio_uri } },
        { status: 'TRANSCRIBING' },
        {
          status: 'FAILED',
          failure_code: 'QUOTA_OF_OWNER',
          failure_class: 'quota',
          retry_after_seconds: 3600,
        },
      ];
      for (const report of reports)
        await pipeline.post(`/internal/jobs/${jobId}/status`, { event_id: report.status, ...report });
    },
  },
  // It failed, and a person has corrected its transcript since.
  CORRECTED: {
    isUploaded: true,
    runsTo: 'FAILED',
    plan: FAILS_LATE,
    afterwards: async (jobId, { editor }) => {
      await failed(jobId, editor);
      await correct(jobId, 'transcript', wordsOf(jobId), editor);
    },
  },
  DRAFT_READY: { isUploaded: true, runsTo: 'DRAFT_READY', plan: { pipeline: { heartbeats: 0 } } },
  // Its draft is of a transcript that a person has corrected since.
  OVERTAKEN: {
    isUploaded: true,
    runsTo: 'DRAFT_READY',
    plan: { pipeline: { heartbeats: 0 } },
    afterwards: (jobId, { editor }) => correct(jobId, 'transcript', wordsOf(jobId), editor),
  },
  // A person has corrected its transcript, and then its draft, which the service finds where it looks.
  EDITED: {
    isUploaded: true,
    runsTo: 'EDITING',
    plan: { pipeline: { goes_on_to: ['editing'], heartbeats: 0 } },
    afterwards: async (jobId, { editor, stack }) => {
      await correct(jobId, 'transcript', wordsOf(jobId), editor);
      const draft = await stack.artifacts.put(`edits/${jobId}/story-of-the-owner`, 'Once');
      await correct(jobId, 'draft', draft, editor);
    },
  },
  CANCELLED: { isUploaded: true, runsTo: 'AUDIO_EXTRACTING', plan: HELD_BY_TEST, isCancelled: true },
};

export class Jobs {
  readonly projectId: string;
  readonly #stack: Stack;
  readonly #editor: Editor;
  readonly #baselines = new Map<string, Promise<string>>();
  readonly #standing = new Map<State, Promise<Target>>();
  #bulk: Promise<Bulk> | null = null;

  private constructor(stack: Stack, editor: Editor, projectId: string) {
    this.#stack = stack;
    this.#editor = editor;
    this.projectId = projectId;
  }

  static async of(stack: Stack, sub: string): Promise<Jobs> {
    const editor = await stack.editor(sub);
    const project = await editor.post('/projects', { name: `Private rushes of ${sub}` });
    return new Jobs(stack, editor, project.id);
  }

  /** Two operations over two jobs that there is nothing to retry of, and which of them was begun last. */
  bulk(): Promise<Bulk> {
    this.#bulk ??= this.#makeBulk();
    return this.#bulk;
  }

  async #makeBulk(): Promise<Bulk> {
    const { id: bulkProjectId } = await this.#editor.post('/projects', { name: 'Bulk' });
    for (const _ of [1, 2]) await this.#editor.post(`/projects/${bulkProjectId}/jobs`);
    const begin = async (client_request_id: string) => {
      const body = { model_profile: 'balanced', client_request_id, filter: { status: ['CREATED'] } };
      return (await this.#editor.post(`/projects/${bulkProjectId}/retries`, body)).id;
    };
    const operations = [await begin('one'), await begin('two')];
    return { bulkProjectId, operationId: operations[1] };
  }

  /** A job in this state, the same one until it is retired. */
  in(state: State): Promise<Target> {
    const found = this.#standing.get(state) ?? this.#make(RECIPES[state]);
    this.#standing.set(state, found);
    return found;
  }

  /** What a command has moved on does not stand for its state any longer. */
  async retire(state: State, { jobId }: Target): Promise<void> {
    if ((await this.#standing.get(state))?.jobId === jobId) this.#standing.delete(state);
  }

  /** What its owner sees of a job: body and ETag, which changes with everything about it. */
  async glance({ jobId }: Target): Promise<string> {
    const { headers, body } = await this.#editor.call('GET', `/jobs/${jobId}`);
    return JSON.stringify({ etag: headers.get('etag'), body });
  }

  /** The first glance at a job, to compare later ones with. */
  baseline(target: Target): Promise<string> {
    const found = this.#baselines.get(target.jobId) ?? this.glance(target);
    this.#baselines.set(target.jobId, found);
    return found;
  }

  /** What its owner reads of a job. */
  read({ jobId }: Target, path: string): ReturnType<Editor['get']> {
    return this.#editor.get(`/jobs/${jobId}${path}`);
  }

  /** Puts the text of a correction where only this job may name it; answers its reference. */
  async store({ jobId }: Target, text: string): Promise<string> {
    return this.#stack.artifacts.put(`edits/${jobId}/by-hand`, text);
  }

  /** Whether there is this version; null where it might come about any moment, or go with its job, which another request erases. */
  async hasVersion({ jobId }: Target, stage: string, version: number): Promise<boolean | null> {
    const { status, body } = await this.#editor.call('GET', `/jobs/${jobId}/artifacts?limit=100`);
    if (status !== 200) return null;
    const isListed = body.items.some((each: { stage: string; version: number }) => {
      return each.stage === stage && each.version === version;
    });
    return isListed || (version < 50 ? null : false);
  }

  /** The entity tag of what a retry or a redo of a job would do, asked for like this. */
  async planTag({ jobId }: Target, kind: 'retry' | 'redo', asked: Record<string, string>): Promise<string> {
    const path = `/jobs/${jobId}/${kind}-plan?${new URLSearchParams(asked)}`;
    const { headers } = await this.#editor.call('GET', path);
    return headers.get('etag') ?? '"no-plan"';
  }

  async #make({ isUploaded, runsTo, plan, isCancelled, afterwards }: Recipe): Promise<Target> {
    const { client } = this.#stack.orchestrator;
    const { id } = await this.#editor.post(`/projects/${this.projectId}/jobs`);
    if (plan) await client.plan(id, plan);
    const video_uri = `s3://private-videos/${id}/rushes-of-the-owner.mp4`;
    if (isUploaded) await this.#editor.post(`/jobs/${id}/confirm-upload`, { video_uri });
    if (runsTo !== null) {
      await this.#editor.post(`/jobs/${id}/run`);
      // The answer to the delivery, which names the execution, may be heard after the pipeline's first report: one more change.
      await this.#editor.jobWhen(
        id,
        runsTo,
        ({ status, open_dispatch }) => status === runsTo && open_dispatch?.execution_id !== null,
      );
    }
    if (isCancelled) await this.#editor.post(`/jobs/${id}/cancel`);
    const latestToken = async () => (await client.log(id)).executions.at(-1)?.callback_token ?? null;
    const callbackToken = runsTo === null ? null : await latestToken();
    const bulk = await this.bulk();
    if (afterwards && callbackToken !== null) {
      await afterwards(id, { stack: this.#stack, editor: this.#editor, callbackToken });
      return { jobId: id, projectId: this.projectId, ...bulk, callbackToken: await latestToken() };
    }
    return { jobId: id, projectId: this.projectId, ...bulk, callbackToken };
  }
}

const idKeys = devSetting('ID_KEYS').split(',');

/** Ids that are given out, and behind which there is nothing. */
export const nowhere = async (): Promise<Target> => ({
  jobId: await newId('job', idKeys),
  projectId: await newId('prj', idKeys),
  operationId: await newId('opr', idKeys),
  bulkProjectId: await newId('prj', idKeys),
  callbackToken: null,
});

/** Ids of a good form that nobody has given out. */
export const madeUp = (): Target => ({
  jobId: madeUpId('job'),
  projectId: madeUpId('prj'),
  operationId: madeUpId('opr'),
  bulkProjectId: madeUpId('prj'),
  callbackToken: null,
});

/** What of a picture nobody else may ever see: ids, places, reasons. */
export function privateWords(pictures: readonly string[]): string[] {
  const words = pictures.flatMap((picture) => [
    ...(picture.match(/\b(job|prj|opr|dsp|exe)_[0-9a-f-]{32,36}/g) ?? []),
    ...(picture.match(/(?:s3|r2):\/\/[^"\\]+/g) ?? []),
    ...[...picture.matchAll(/"failure_(?:code|message)":"([^"]{8,})"/g)].map(([, word = '']) => word),
  ]);
  return [...new Set(words)];
}

/** Values of `Authorization` that are good for nothing; null is none at all. Some are nearly the owner's. */
export async function uselessCredentials(owner: string): Promise<(string | null)[]> {
  const good = await editorToken({ sub: owner });
  const [header = '', payload = '', signature = ''] = good.split('.');
  const encoded = (claims: object) => Buffer.from(JSON.stringify(claims)).toString('base64url');
  const claims: JWTPayload = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const ownKey = await importJWK(devSigningKey(), 'ES256');
  const { privateKey: foreignKey } = await generateKeyPair('ES256');
  const publicKey = new TextEncoder().encode(devSetting('DEV_AUTH_PUBLIC_JWK'));
  const signed = (changed: JWTPayload, key: CryptoKey | Uint8Array = ownKey, alg = 'ES256') =>
    new SignJWT({ ...claims, ...changed }).setProtectedHeader({ alg, typ: 'JWT' }).sign(key);
  const past = Math.floor(Date.now() / 1000) - 3600;
  const tokens = await Promise.all([
    signed({}, foreignKey),
    signed({}, publicKey, 'HS256'),
    signed({ exp: past }),
    signed({ nbf: past + 7200 }),
    signed({ sub: '' }),
    signed({ iss: 'https://evil.example' }),
    signed({ aud: 'another-service' }),
    editorToken({ sub: owner, ttlSeconds: -3600 }),
  ]);
  return [
    ...[null, '', 'Bearer', `Basic ${Buffer.from(`${owner}:secret`).toString('base64')}`, `Token ${good}`],
    ...['two words', 'x', '...', 'rtk1..', `rtk1.dsp_${'0'.repeat(32)}.AAAA`, 'a'.repeat(9000)].map(bearer),
    ...[`${encoded({ alg: 'none' })}.${payload}.`, `${header}.${payload}.`, `${good}.x`].map(bearer),
    ...[`${header}.${encoded({ ...claims, sub: 'somebody' })}.${signature}`, ...tokens].map(bearer),
  ];
}

const bearer = (token: string) => `Bearer ${token}`;
