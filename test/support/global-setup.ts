// Starts the orchestrator as a process of its own for the tests inside workerd, makes keys for this run, and builds the console.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { TestProject } from 'vitest/node';
import { buildConsole } from '../../build-console.ts';
import { startOrchestratorProcess } from './service.ts';

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const signingSecret = `whsec_${randomBytes(32).toString('base64')}`;
  await buildConsole();
  const orchestrator = await startOrchestratorProcess({ signingSecret, stepMs: 5 });
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const values: Record<string, string> = {
    orchestratorUrl: orchestrator.dispatchesUrl,
    controlUrl: orchestrator.url,
    signingSecret,
    publicJwk: JSON.stringify(publicKey.export({ format: 'jwk' })),
    privateJwk: JSON.stringify(privateKey.export({ format: 'jwk' })),
  };
  for (const [key, value] of Object.entries(values)) provide(key as never, value as never);
  return () => orchestrator.stop();
}
