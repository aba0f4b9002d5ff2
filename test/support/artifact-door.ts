// A port of this machine that leads to the Worker artifact-worker.ts, which runs beside the service in its `wrangler dev` and
// has none. Two runtimes with the bucket open would fail each other's writes, so this one has no bucket.
import { ArtifactStore } from './orchestrator/artifact-store.ts';

export interface ArtifactDoor {
  url: string;
  store: ArtifactStore;
  close(): Promise<void>;
}

/** Resolves once it listens, whether the Worker runs yet or not; a service that starts anew is found again. */
export async function openArtifactDoor(options: {
  port: number;
  registryPath: string;
}): Promise<ArtifactDoor> {
  // Loaded only where a door is opened: it is large.
  const { convertV4MiniflareOptions, Miniflare } = await import('miniflare');
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      host: '127.0.0.1',
      port: options.port,
      unsafeDevRegistryPath: options.registryPath,
      compatibilityDate: '2026-08-01',
      modules: true,
      script: 'export default { fetch: (request, { STORE }) => STORE.fetch(request) };',
      serviceBindings: { STORE: { name: 'retake-artifact-store' } },
    }),
  );
  await miniflare.ready;
  const url = `http://127.0.0.1:${options.port}`;
  return { url, store: new ArtifactStore(url), close: () => miniflare.dispose() };
}
