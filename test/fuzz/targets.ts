// The people and the jobs of the fuzzing. Jobs stand in every state that the service and a real orchestrator bring
// about; one that a command has moved on is replaced by another in the state that was asked for.
import { generateKeyPair, importJWK, type JWTPayload, SignJWT } from 'jose';
import { newId } from '../../src/contract/ids.ts';
import type { Stack } from '../e2e/stack.ts';
import { devSetting, devSigningKey } from '../support/dev-settings.ts';
import type { Editor } from '../support/editor.ts';
import { editorToken } from '../support/editor-token.ts';
import { newId as madeUpId } from '../support/ids.ts';
import type { Plan } from '../support/orchestrator/plan.ts';

export const STATES = [
  'CREATED',
  'UPLOADED',
  'REFUSED',
  'RUNNING',
  'FAILED',
  'DRAFT_READY',
  'CANCELLED',
] as const;
export type State = (typeof STATES)[number];

export interface Target {
  jobId: string;
  projectId: string;
  /** Of its latest dispatch; null before the first. */
  callbackToken: string | null;
}

interface Recipe {
  plan?: Plan;
  isUploaded: boolean;
  /** Status that the run brings it to; null without a run. */
  runsTo: string | null;
  isCancelled?: boolean;
}
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
  DRAFT_READY: { isUploaded: true, runsTo: 'DRAFT_READY', plan: { pipeline: { heartbeats: 0 } } },
  CANCELLED: { isUploaded: true, runsTo: 'AUDIO_EXTRACTING', plan: HELD_BY_TEST, isCancelled: true },
};

export class Jobs {
  readonly projectId: string;
  readonly #stack: Stack;
  readonly #editor: Editor;
  readonly #baselines = new Map<string, Promise<string>>();
  readonly #standing = new Map<State, Promise<Target>>();

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

  async #make({ isUploaded, runsTo, plan, isCancelled }: Recipe): Promise<Target> {
    const { client } = this.#stack.orchestrator;
    const { id } = await this.#editor.post(`/projects/${this.projectId}/jobs`);
    if (plan) await client.plan(id, plan);
    const video_uri = `s3://private-videos/${id}/rushes-of-the-owner.mp4`;
    if (isUploaded) await this.#editor.post(`/jobs/${id}/confirm-upload`, { video_uri });
    if (runsTo !== null) {
      await this.#editor.post(`/jobs/${id}/run`);
      await this.#editor.jobWhen(id, runsTo, ({ status }) => status === runsTo);
    }
    if (isCancelled) await this.#editor.post(`/jobs/${id}/cancel`);
    const executions = runsTo === null ? [] : (await client.log(id)).executions;
    return { jobId: id, projectId: this.projectId, callbackToken: executions.at(-1)?.callback_token ?? null };
  }
}

const idKeys = devSetting('ID_KEYS').split(',');

/** Ids that are given out, and behind which there is nothing. */
export const nowhere = async (): Promise<Target> => ({
  jobId: await newId('job', idKeys),
  projectId: await newId('prj', idKeys),
  callbackToken: null,
});

/** Ids of a good form that nobody has given out. */
export const madeUp = (): Target => ({
  jobId: madeUpId('job'),
  projectId: madeUpId('prj'),
  callbackToken: null,
});

/** What of a picture nobody else may ever see: ids, places, reasons. */
export function privateWords(pictures: readonly string[]): string[] {
  const words = pictures.flatMap((picture) => [
    ...(picture.match(/\b(job|prj|dsp|exe)_[0-9a-f-]{32,36}/g) ?? []),
    ...(picture.match(/s3:\/\/[^"\\]+/g) ?? []),
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
