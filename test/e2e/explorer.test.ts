// wrangler's local explorer is a console over all that is stored, for whoever reaches the service's port.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Editor } from '../support/editor.ts';
import { startService } from '../support/service.ts';

/** What the explorer answers to somebody who has no token and asks for all projects. */
async function explored(explorer?: boolean): Promise<{ status: number; text: string }> {
  const persistTo = mkdtempSync(join(tmpdir(), 'retake-'));
  const service = await startService({ persistTo, ...(explorer === undefined ? {} : { explorer }) });
  onTestFinished(async () => {
    await service.stop();
    rmSync(persistTo, { recursive: true, force: true });
  });
  const alice = await Editor.named('alice', service.url);
  await alice.call('POST', '/projects', { name: 'Between us' });
  const response = await fetch(
    `${service.url}/cdn-cgi/explorer/api/workers/durable_objects/namespaces/retake-WorkspaceActor/objects`,
  );
  return { status: response.status, text: await response.text() };
}

test('is not served beside the service', async () => {
  expect((await explored()).status).toBe(404);
});

test('is served to whoever asks for it with --explorer', async () => {
  const { status, text } = await explored(true);

  expect(status).toBe(200);
  expect(text).toContain('"result"');
});
