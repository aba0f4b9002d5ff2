// Retake as its users ask it: editors with a JWT, the pipeline with the callback token of its dispatch.
import { signCallbackToken } from '../../../../src/contract/callback-token.ts';
import { devSetting } from '../../../support/dev-settings.ts';
import { editorToken } from '../../../support/editor-token.ts';
import { type Call, type Protocol, reportBody } from '../../protocol.ts';

export async function retakeProtocol(): Promise<Protocol> {
  const authorization = `Bearer ${await editorToken({ sub: 'bench' })}`;
  const keys = devSetting('CALLBACK_TOKEN_KEYS').split(',');
  let projectId = '';
  const post = (path: string, body?: unknown, headers: Record<string, string> = {}): Call => ({
    method: 'POST',
    path,
    headers: { authorization, ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return {
    prepare: async (url) => {
      const { path, method, headers = {}, body = '' } = post('/projects', { name: 'Bench' });
      const answer = await fetch(`${url}${path}`, { method, headers, body });
      projectId = ((await answer.json()) as { id: string }).id;
    },
    create: () => post(`/projects/${projectId}/jobs`),
    confirm: (jobId) => post(`/jobs/${jobId}/confirm-upload`, { video_uri: 's3://media/talk.mp4' }),
    run: (jobId) => post(`/jobs/${jobId}/run`, undefined, { prefer: 'respond-async' }),
    retry: (jobId, requestId, wait) =>
      post(
        `/jobs/${jobId}/retry`,
        { model_profile: 'balanced', client_request_id: requestId },
        wait ? {} : { prefer: 'respond-async' },
      ),
    report: async (report) => ({
      ...post(`/internal/jobs/${report.jobId}/status`, reportBody(report), {
        authorization: `Bearer ${await signCallbackToken(report.jobId, report.dispatchId, keys)}`,
      }),
    }),
    read: (jobId) => ({ method: 'GET', path: `/jobs/${jobId}`, headers: { authorization } }),
  };
}
