// Restate as its documentation has it called: handlers by their path on the ingress, without a server of ours between.
// The ingress answers every call that succeeds with 200, and a refusal with its own status.
import { randomUUID } from 'node:crypto';
import { type Call, type Protocol, reportBody } from '../../protocol.ts';

const post = (path: string, body?: unknown): Call => ({
  method: 'POST',
  path,
  ...(body === undefined
    ? {}
    : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
});

export const restateProtocol: Protocol = {
  // The key of a virtual object is its caller's to choose.
  create: () => post(`/jobs/${randomUUID()}/create`),
  confirm: (jobId) => post(`/jobs/${jobId}/confirm`, { video_uri: 's3://media/talk.mp4' }),
  run: (jobId) => post(`/jobs/${jobId}/run`, { model_profile: 'balanced' }),
  retry: (jobId, requestId, wait) => {
    const body = { model_profile: 'balanced', client_request_id: requestId };
    return wait ? post('/waiting/retry', { ...body, job_id: jobId }) : post(`/jobs/${jobId}/retry`, body);
  },
  report: (report) =>
    post(`/jobs/${report.jobId}/report`, { ...reportBody(report), dispatch_id: report.dispatchId }),
  read: (jobId) => ({ method: 'GET', path: `/jobs/${jobId}/read` }),
};
