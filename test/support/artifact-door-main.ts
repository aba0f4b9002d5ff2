// A port of this machine that leads to the Worker artifact-worker.ts, which runs beside the service in its `wrangler dev` and
// has none. Two runtimes with the bucket open would fail each other's writes, so this one has no bucket.
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';

const [port, registryPath = ''] = process.argv.slice(2);

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    cf: false,
    host: '127.0.0.1',
    port: Number(port),
    // Where the Workers that run here are found by name, also after a restart of theirs.
    unsafeDevRegistryPath: registryPath,
    compatibilityDate: '2026-08-01',
    modules: true,
    script: 'export default { fetch: (request, { STORE }) => STORE.fetch(request) };',
    serviceBindings: { STORE: { name: 'retake-artifact-store' } },
  }),
);
await miniflare.ready;
console.log(`artifacts at http://127.0.0.1:${port}`);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  // Its look-out for Workers may outlive it, and would keep the process from ending.
  process.once(signal, () => miniflare.dispose().finally(() => process.exit(0)));
}
