// Puts objects into the bucket of this machine with their SHA-256, reads and removes them: what an orchestrator does elsewhere
// with credentials of its own. It runs beside the service: artifact-worker.toml says how under `wrangler dev`. It answers by a loopback name alone, so that no page
// whose own name leads here gets at it.
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

const answer = (status: number, body: BodyInit | null = null): Response => new Response(body, { status });

export default {
  async fetch(request: Request, { ARTIFACTS }: { ARTIFACTS: R2Bucket }): Promise<Response> {
    const { hostname, pathname } = new URL(request.url);
    if (!LOOPBACK_NAMES.includes(hostname)) return answer(403);
    const key = decodeURIComponent(pathname.slice(1));
    if (key === '') return answer(204);
    switch (request.method) {
      case 'PUT': {
        const content = await request.arrayBuffer();
        await ARTIFACTS.put(key, content, { sha256: await crypto.subtle.digest('SHA-256', content) });
        return answer(204);
      }
      case 'GET': {
        const object = await ARTIFACTS.get(key);
        return object ? answer(200, await object.text()) : answer(404);
      }
      case 'DELETE':
        await ARTIFACTS.delete(key);
        return answer(204);
      default:
        return answer(405);
    }
  },
};
