// For tests inside workerd: callers of the service, a job in any state, and a look at everything it stored.
import { env, runInDurableObject, SELF } from 'cloudflare:test';
import { importJWK, type JWTPayload, SignJWT } from 'jose';
import { DEVELOPMENT_AUDIENCE, DEVELOPMENT_ISSUER } from '../../../src/config.ts';
import { OrchestratorClient } from '../orchestrator/client.ts';

interface TestEnv {
  CONTROL_URL: string;
  TEST_PRIVATE_JWK: string;
}
const testEnv = env as unknown as Env & TestEnv;

export const orchestrator = new OrchestratorClient(testEnv.CONTROL_URL);

export interface TokenClaims extends JWTPayload {
  scope?: string;
}

/** An editor's token; `claims` replace the usual ones, and undefined leaves one out. */
export async function editorToken(sub: string, claims: TokenClaims = {}): Promise<string> {
  const key = await importJWK(JSON.parse(testEnv.TEST_PRIVATE_JWK), 'ES256');
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    sub,
    iss: DEVELOPMENT_ISSUER,
    aud: DEVELOPMENT_AUDIENCE,
    iat: now,
    exp: now + 3600,
    ...claims,
  };
  return new SignJWT(payload).setProtectedHeader({ alg: 'ES256' }).sign(key);
}

export interface Reply {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every form
  body: any;
  text: string;
}

/** One request to the service, as `token`; `body` is sent as JSON. */
export async function call(
  method: string,
  path: string,
  { token, body, headers = {} }: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const response = await SELF.fetch(`http://127.0.0.1:8787${path}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') && text !== '';
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : null, text };
}

/** Every row that a job has stored, by table: equal before and after means nothing was stored. */
export async function storedRows(jobId: string): Promise<Record<string, unknown[]>> {
  return runInDurableObject(env.JOB.getByName(jobId), (_actor, state) => {
    const tables = state.storage.sql
      .exec<{ name: string }>(
        `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'`,
      )
      .toArray();
    return Object.fromEntries(
      tables.map(({ name }) => [name, state.storage.sql.exec(`SELECT * FROM ${name}`).toArray()]),
    );
  });
}
