// Starts the door to the local bucket of `wrangler dev`, a process of its own, for whoever stands in for a pipeline. What it leads to is
// brought along by a service that was started with the same registry.
import { join } from 'node:path';
import { Child } from './child.ts';

export interface ArtifactDoor {
  url: string;
  child: Child;
  stop(): Promise<void>;
}

/** Resolves once it listens, whether the service runs yet or not. */
export async function startArtifactDoor(options: {
  port: number;
  registryPath: string;
}): Promise<ArtifactDoor> {
  const child = new Child([
    join(import.meta.dirname, 'artifact-door-main.ts'),
    String(options.port),
    options.registryPath,
  ]);
  const url = `http://127.0.0.1:${options.port}`;
  await child.line(/artifacts at/);
  return { url, child, stop: () => child.stop() };
}
