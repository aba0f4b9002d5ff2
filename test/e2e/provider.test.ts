// The service as it ships before an identity provider that is another process's server: requests that come at once, each
// with an input and output of its own in the runtime, share one look at its key set.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fetchAlone } from '../support/own-connection.ts';
import { newSigningKey, startProvider } from '../support/provider.ts';
import { startShipped } from '../support/runtime/process.ts';
import { freePort } from '../support/service.ts';

test('editors who come at once are let in by one look at the provider’s keys, also when the first of them goes away', async () => {
  const provider = await startProvider();
  const directory = mkdtempSync(join(tmpdir(), 'retake-'));
  const service = await startShipped({
    port: await freePort(),
    orchestratorUrl: 'http://127.0.0.1:9/dispatches',
    persistTo: join(directory, 'state'),
    vars: { AUTH_JWKS_URL: provider.jwksUrl, AUTH_ISSUER: provider.issuer, AUTH_AUDIENCE: 'retake' },
  });
  onTestFinished(async () => {
    await Promise.all([service.stop(), provider.stop()]);
    rmSync(directory, { recursive: true, force: true });
  });
  const key = await newSigningKey('RS256', 'a');
  const claims = { iss: provider.issuer, aud: 'retake', exp: Math.floor(Date.now() / 1000) + 600 };
  const ask = async (sub: string, signal?: AbortSignal) => {
    const authorization = `Bearer ${await key.sign({ sub, ...claims })}`;
    const response = await fetchAlone(`${service.url}/projects`, {
      headers: { authorization },
      ...(signal ? { signal } : {}),
    });
    return response.status;
  };
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
  const { promise: answer, resolve: mayAnswer } = Promise.withResolvers<void>();
  provider.answer = async (response) => {
    isAsked();
    await answer;
    response.end(JSON.stringify({ keys: [key.jwk] }));
  };
  const leaving = new AbortController();

  const gone = ask('first', leaving.signal).catch(() => 'gone');
  await asked;
  const others = Array.from({ length: 20 }, (_, n) => ask(`editor-${n}`));
  leaving.abort();
  mayAnswer();

  expect(new Set(await Promise.all(others))).toEqual(new Set([200]));
  expect(await gone).toBe('gone');
  expect(provider.asked).toBeLessThanOrEqual(2);
});
