// wrangler's local explorer is a console over all that is stored, for whoever reaches the service's port; for it alone wrangler
// writes down what every request did.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Editor } from '../support/editor.ts';
import { fetchAlone } from '../support/own-connection.ts';
import { startService } from '../support/service.ts';

/** What the explorer answers to somebody who has no token and asks for all projects, and whether requests were written down. */
async function explored(explorer?: boolean): Promise<{ status: number; text: string; isTraced: boolean }> {
  const persistTo = mkdtempSync(join(tmpdir(), 'retake-'));
  const service = await startService({ persistTo, ...(explorer === undefined ? {} : { explorer }) });
  onTestFinished(async () => {
    await service.stop();
    rmSync(persistTo, { recursive: true, force: true });
  });
  const alice = await Editor.named('alice', service.url);
  await alice.call('POST', '/projects', { name: 'Between us' });
  const response = await fetchAlone(
    `${service.url}/cdn-cgi/explorer/api/workers/durable_objects/namespaces/retake-WorkspaceActor/objects`,
  );
  const isTraced = existsSync(join(persistTo, 'v3/observability'));
  return { status: response.status, text: await response.text(), isTraced };
}

test('is not served beside the service, nor is written down what every request did', async () => {
  const { status, isTraced } = await explored();

  expect({ status, isTraced }).toEqual({ status: 404, isTraced: false });
});

test('is served to whoever asks for it with --explorer, with what every request did', async () => {
  const { status, text, isTraced } = await explored(true);

  expect({ status, isTraced }).toEqual({ status: 200, isTraced: true });
  expect(text).toContain('"result"');
});
