// Every operation of the document as a user calls it, with openapi-fetch and the generated types. That it compiles is the
// point: what is always there is read without a question, and what is not can't be overlooked.
import createClient from 'openapi-fetch';
import type { components, operations, paths } from '../../dist/api.ts';

export type Client = ReturnType<typeof createClient<paths>>;
type Dispatch = components['schemas']['Dispatch'];
type Problem = { error_code: string; detail?: string };

export const newClient = (baseUrl: string, fetch: (request: Request) => Promise<Response>): Client =>
  createClient<paths>({ baseUrl, fetch });

const job = { path: { jobId: 'job_1' } };
const project = { path: { projectId: 'prj_1' } };
const operation = { path: { operationId: 'opr_1' } };

/** Narrows as a user does: a body of the operation, or the problem that it documents. */
function dataOf<Data>(answer: { data: Data; error?: never } | { data?: never; error: Problem }): Data {
  if (answer.error !== undefined) throw new Error(answer.error.detail ?? answer.error.error_code);
  return answer.data;
}

const describe = ({ dispatch_id, dispatch_state }: Dispatch): string =>
  `${dispatch_id} ${dispatch_state.toLowerCase()}`;

/** By operationId. */
export const uses = {
  getHealth: async (client) => dataOf(await client.GET('/healthz')).status.toUpperCase(),

  getDocument: async (client) => dataOf(await client.GET('/openapi.json')).openapi.split('.'),

  createProject: async (client) =>
    dataOf(await client.POST('/projects', { body: { name: 'Talks' } })).id.length,

  listProjects: async (client) => {
    const page = dataOf(await client.GET('/projects', { params: { query: { limit: 10 } } }));
    return page.items.map(({ id, name }) => `${id} ${name.trim()}`);
  },

  getProject: async (client) =>
    new Date(dataOf(await client.GET('/projects/{projectId}', { params: project })).created_at),

  createJob: async (client) => {
    const body = { external_id: 'talk-117', metadata: { language: 'de' }, tags: ['urgent'] };
    const made = dataOf(await client.POST('/projects/{projectId}/jobs', { params: project, body }));
    return [made.id.length, made.external_id?.length, made.metadata.language, ...made.tags];
  },

  listJobs: async (client) => {
    const query = { status: 'FAILED,CANCELLED', failure_class: 'quota', cursor: 'cursor_1' } as const;
    const page = dataOf(await client.GET('/projects/{projectId}/jobs', { params: { ...project, query } }));
    return page.items.map(
      ({ id, status, failure, open_dispatch }) =>
        `${id} ${status.toLowerCase()} ${failure?.failure_code} ${open_dispatch?.kind}`,
    );
  },

  countJobs: async (client) => {
    const counts = dataOf(await client.GET('/projects/{projectId}/counts', { params: project }));
    return [counts.jobs, counts.by_status.FAILED, counts.by_failure_class.quota].map((n) => n.toFixed());
  },

  patchJob: async (client) => {
    const params = { ...job, header: { 'If-Match': '"7"' } };
    const body = { metadata: { language: null }, tags: ['later'] };
    return dataOf(await client.PATCH('/jobs/{jobId}', { params, body })).revision.toFixed();
  },

  retryJobs: async (client) => {
    const begun = dataOf(
      await client.POST('/projects/{projectId}/retries', {
        params: project,
        body: {
          ...{
            model_profile: 'balanced',
            client_request_id: 'after-the-outage',
            max_in_flight: 20,
            limit: 50,
          },
          filter: { status: ['FAILED'], failure_class: 'transient' },
        },
      }),
    );
    if ('found' in begun)
      return begun.items.map(({ job_id, plan }) => `${job_id} ${plan.verdict.toUpperCase()}`);
    return begun.counts.total - begun.counts.waiting;
  },

  listOperations: async (client) => {
    const page = dataOf(await client.GET('/projects/{projectId}/operations', { params: project }));
    return page.items.map(({ id, state, total }) => `${id} ${state.toUpperCase()} ${total.toFixed()}`);
  },

  getOperation: async (client) => {
    const { progress_pct, resume_at, request } = dataOf(
      await client.GET('/operations/{operationId}', { params: operation }),
    );
    return [progress_pct.toFixed(), resume_at && new Date(resume_at), request.model_profile.trim()];
  },

  listOperationItems: async (client) => {
    const query = { outcome: 'failed', limit: 10 } as const;
    const page = dataOf(
      await client.GET('/operations/{operationId}/items', { params: { ...operation, query } }),
    );
    return page.items.map(({ job_id, reason }) => `${job_id ?? 'erased'} ${reason?.toLowerCase()}`);
  },

  pauseOperation: async (client) =>
    dataOf(await client.POST('/operations/{operationId}/pause', { params: operation, body: {} })).state,

  resumeOperation: async (client) =>
    dataOf(await client.POST('/operations/{operationId}/resume', { params: operation, body: {} })).state,

  cancelOperation: async (client) =>
    dataOf(await client.POST('/operations/{operationId}/cancel', { params: operation, body: {} })).state,

  getJob: async (client) => {
    const { manifest, failure, open_dispatch } = dataOf(await client.GET('/jobs/{jobId}', { params: job }));
    return [
      manifest.draft_uri ?? 'no draft',
      failure?.failure_code.toLowerCase(),
      open_dispatch && describe(open_dispatch),
    ];
  },

  listDispatches: async (client) => {
    const page = dataOf(await client.GET('/jobs/{jobId}/dispatches', { params: job }));
    // Each item is a dispatch, of which only a retry says where it resumes.
    return page.items.map(
      (dispatch) => `${describe(dispatch)} ${dispatch.resume_from_status?.toLowerCase()}`,
    );
  },

  listAttempts: async (client) => {
    const page = dataOf(await client.GET('/jobs/{jobId}/attempts', { params: job }));
    return page.items.map(({ dispatch, stages, versions, failure, metrics }) => [
      describe(dispatch),
      ...stages.map(({ stage, duration_seconds }) => `${stage} ${duration_seconds?.toFixed(1)}`),
      ...versions.map(({ stage, version }) => `${stage} ${version.toFixed()}`),
      failure?.failure_class.toLowerCase(),
      ...Object.keys(metrics),
    ]);
  },

  listArtifacts: async (client) => {
    const page = dataOf(await client.GET('/jobs/{jobId}/artifacts', { params: job }));
    return page.items.map(
      ({ stage, version, made_by, made_from, stale }) =>
        `${stage} ${version} ${made_by.kind === 'editor' ? made_by.actor_id : made_by.engine} ${made_from} ${stale}`,
    );
  },

  getRetryPlan: async (client) => {
    const params = { ...job, query: { model_profile: 'balanced', resume_from: 'AUDIO_READY' } } as const;
    const plan = dataOf(await client.GET('/jobs/{jobId}/retry-plan', { params }));
    // Why a stage is made again, or what is kept of it: the two are told apart by their action.
    const stages = plan.stages.map((stage) =>
      stage.action === 'keep' ? `${stage.stage} ${stage.ref}` : `${stage.stage} ${stage.engine}`,
    );
    const menu = plan.profiles.map(({ title, refusal }) => `${title} ${refusal?.error_code}`);
    return [plan.etag.length, plan.resume?.status, plan.refusal?.details, ...stages, ...menu];
  },

  getRedoPlan: async (client) => {
    const params = { ...job, query: { discard_edits: 'transcript,draft' } };
    const plan = dataOf(await client.GET('/jobs/{jobId}/redo-plan', { params }));
    return [...plan.edits_kept, ...plan.edits_discarded].map(({ stage, version }) => `${stage} ${version}`);
  },

  getErrorDefinitions: async (client) =>
    dataOf(await client.GET('/error-definitions')).items.map(({ error_code }) => error_code.toLowerCase()),

  listTransitions: async (client) => {
    const page = dataOf(await client.GET('/jobs/{jobId}/transitions', { params: job }));
    return page.items.map(
      ({ new_status, occurred_at }) => `${new_status.toLowerCase()} ${new Date(occurred_at)}`,
    );
  },

  watchJob: async (client) => {
    const params = { ...job, query: { after: 3 } };
    const events = dataOf(await client.GET('/jobs/{jobId}/events', { params }));
    // The document knows the stream as a text; without asking for it there is JSON.
    if (typeof events === 'string') return events;
    return [
      events.after.toFixed(),
      ...events.records.map((record) =>
        record.type === 'job' ? `${record.etag} ${record.job.status}` : record.transition.seq.toFixed(),
      ),
    ];
  },

  watchProject: async (client) => {
    const events = dataOf(await client.GET('/projects/{projectId}/events', { params: project }));
    if (typeof events === 'string') return events;
    return events.records.map((record) => {
      if (record.type === 'summary') return record.summary.status;
      if (record.type === 'erased') return record.job_id;
      return record.type === 'counts' ? record.counts.jobs.toFixed() : record.operation.state;
    });
  },

  watchOperation: async (client) => {
    const events = dataOf(await client.GET('/operations/{operationId}/events', { params: operation }));
    if (typeof events === 'string') return events;
    return events.records.map(
      ({ operation: { state, progress_pct } }) => `${state} ${progress_pct.toFixed()}`,
    );
  },

  confirmUpload: async (client) => {
    const body = { video_uri: 's3://media/talk.mp4' };
    return dataOf(await client.POST('/jobs/{jobId}/confirm-upload', { params: job, body }));
  },

  renewVideo: async (client) => {
    const body = {
      video_uri: 'https://media.example/talk.mp4?v=2',
      replaces: 'https://media.example/talk.mp4?v=1',
    };
    return dataOf(await client.PUT('/jobs/{jobId}/video', { params: job, body }));
  },

  runJob: async (client) => {
    const params = { ...job, header: { Prefer: 'respond-async' } };
    const run = dataOf(await client.POST('/jobs/{jobId}/run', { params, body: {} }));
    return run.dispatch_id.length;
  },

  retryJob: async (client) => {
    const body = { model_profile: 'balanced', client_request_id: 'request-1' };
    const params = { ...job, header: { 'If-Match': '"a plan"' } };
    const answer = await client.POST('/jobs/{jobId}/retry', { params, body });
    // The resume point of a retry is always there, also where that of a run is not.
    return dataOf(answer).resume_from_status.toLowerCase();
  },

  redoJob: async (client) => {
    const body = {
      model_profile: 'polished',
      client_request_id: 'request-2',
      discard_edits: ['draft'] as const satisfies string[],
    };
    const answer = dataOf(await client.POST('/jobs/{jobId}/redo', { params: job, body: { ...body } }));
    return answer.plan?.edits_discarded.map(({ stage }) => stage.toLowerCase());
  },

  exportJob: async (client) => {
    const body = { formats: ['docx'], params: { language: 'en' }, client_request_id: 'request-3' };
    return dataOf(await client.POST('/jobs/{jobId}/export', { params: job, body })).checkpoint_ref.length;
  },

  editArtifact: async (client) => {
    const params = { path: { ...job.path, stage: 'transcript' as const } };
    const body = { uri: 's3://media/corrected.json', edits: 1, client_request_id: 'request-4' };
    const { version } = dataOf(await client.PUT('/jobs/{jobId}/artifacts/{stage}', { params, body }));
    return `${version.stage} ${version.version.toFixed()}`;
  },

  editArtifactContent: async (client) => {
    const path = { ...job.path, stage: 'transcript' as const };
    const header = { 'Idempotency-Key': 'request-5', 'If-Match': '"2"' };
    const content = {
      body: '# What was really said',
      bodySerializer: (text: string) => text,
      headers: { 'Content-Type': 'text/markdown' },
    };
    const answer = await client.PUT('/jobs/{jobId}/artifacts/{stage}/content', {
      params: { path, header },
      ...content,
    });
    return dataOf(answer).version.size_bytes?.toFixed();
  },

  readArtifactContent: async (client) => {
    const params = { path: { ...job.path, stage: 'transcript' as const, version: 3 } };
    const whole = await client.GET('/jobs/{jobId}/artifacts/{stage}/{version}/content', {
      params,
      parseAs: 'text',
    });
    return dataOf(whole).split('\n');
  },

  abandonJob: async (client) =>
    dataOf(await client.POST('/jobs/{jobId}/abandon', { params: job, body: {} })).status.toLowerCase(),

  cancelJob: async (client) =>
    dataOf(await client.POST('/jobs/{jobId}/cancel', { params: job, body: {} })).status.toLowerCase(),

  eraseJob: async (client) =>
    (await client.DELETE('/jobs/{jobId}', { params: job })).response.status.toFixed(),

  eraseProject: async (client) => {
    const params = { path: { projectId: 'prj_1' } };
    return (await client.DELETE('/projects/{projectId}', { params })).response.status.toFixed();
  },

  reportStatus: async (client) => {
    const body = {
      event_id: 'event-1',
      status: 'AUDIO_READY',
      occurred_at: '2026-11-24T09:30:00.000Z',
      correlation_id: 'exe_1',
      actor_type: 'orchestrator',
      artifact_updates: { audio_uri: 's3://media/talk.m4a' },
    } as const;
    const headers = { authorization: 'Bearer rtk1.token' };
    return client.POST('/internal/jobs/{jobId}/status', { params: job, body, headers });
  },

  getSession: async (client) => {
    const { actor_name, actor_id, can_write, expires_at } = dataOf(await client.GET('/session'));
    return [actor_name ?? actor_id, can_write, new Date(expires_at)];
  },

  startSession: async (client) =>
    client.GET('/session/start', { params: { query: { return_to: '/console/' } }, redirect: 'manual' }),

  finishSession: async (client) => client.GET('/session/callback', { redirect: 'manual' }),

  endSession: async (client) => dataOf(await client.POST('/session/end')).end_session_url?.length,
} satisfies Record<keyof operations, (client: Client) => Promise<unknown>>;
