// Starts the orchestrator as a process of its own for the tests inside workerd, and makes keys for this run.
import { spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestProject } from 'vitest/node';

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const signingSecret = `whsec_${randomBytes(32).toString('base64')}`;
  const main = new URL('orchestrator/main.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [main, '--port', '0', '--quiet', '--step-ms', '5'], {
    env: { ...process.env, DISPATCH_SIGNING_SECRET: signingSecret },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  const [url] = /http:\/\/\S+/.exec(String(line)) ?? [];
  if (!url) throw new Error(`the orchestrator said: ${line}`);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const values: Record<string, string> = {
    orchestratorUrl: `${url}/dispatches`,
    controlUrl: url,
    signingSecret,
    publicJwk: JSON.stringify(publicKey.export({ format: 'jwk' })),
    privateJwk: JSON.stringify(privateKey.export({ format: 'jwk' })),
  };
  for (const [key, value] of Object.entries(values)) provide(key as never, value as never);
  return async () => {
    child.kill();
    await once(child, 'exit');
  };
}
