// Jobs to look at in the states that people meet, made as an editor makes them, through the public API alone. How their pipelines go
// is the local orchestrator's to play.
import type { Editor } from './editor.ts';
import type { OrchestratorClient } from './orchestrator/client.ts';
import type { PipelinePlan } from './orchestrator/plan.ts';

interface Sample {
  external_id: string;
  tags: string[];
  metadata?: Record<string, string>;
  /** The last thing that is done with it; default `run`. */
  upTo?: 'creation' | 'upload' | 'cancel' | 'run';
  pipeline?: PipelinePlan;
}

/** What passes by itself: a retry goes through. */
const BUSY: PipelinePlan = {
  fail_at: 'GENERATING',
  failure_code: 'RATE_LIMITED',
  failure_message: 'The writer takes no more requests at the moment.',
};

/** The newest stands above: what there is to do something about is made last. */
const SAMPLES: readonly Sample[] = [
  { external_id: 'workshop-002', tags: ['conference'], upTo: 'cancel' },
  { external_id: 'town-hall-011', tags: ['internal'], upTo: 'creation' },
  { external_id: 'talk-007', tags: ['conference'], metadata: { language: 'de', room: '3' }, upTo: 'upload' },
  { external_id: 'keynote-001', tags: ['conference', 'urgent'], metadata: { speaker: 'Ada Berger' } },
  {
    external_id: 'street-interview-004',
    tags: ['interview'],
    pipeline: {
      fail_at: 'AUDIO_EXTRACTING',
      failure_code: 'UNSUPPORTED_MEDIA',
      failure_message: 'The container is not one that is known.',
    },
  },
  // Until somebody lets it go on, gives it up or cancels it.
  {
    external_id: 'panel-003',
    tags: ['conference'],
    pipeline: { pause_before: 'TRANSCRIPT_READY', heartbeats: 3 },
  },
  { external_id: 'episode-012', tags: ['podcast'], pipeline: BUSY },
  { external_id: 'episode-013', tags: ['podcast'], pipeline: BUSY },
  {
    external_id: 'interview-042',
    tags: ['interview', 'urgent'],
    metadata: { language: 'en' },
    pipeline: BUSY,
  },
];

/** Answers the id of their project. The pipelines are at work then, and end within seconds, but for the one that waits. */
export async function makeSamples(editor: Editor, orchestrator: OrchestratorClient): Promise<string> {
  const project: string = (await editor.post('/projects', { name: 'Sample jobs' })).id;
  for (const sample of SAMPLES) await make(project, sample, editor, orchestrator);
  return project;
}

async function make(
  project: string,
  { upTo = 'run', pipeline = {}, ...labels }: Sample,
  editor: Editor,
  orchestrator: OrchestratorClient,
): Promise<void> {
  const { id } = await editor.post(`/projects/${project}/jobs`, labels);
  if (upTo === 'creation') return;
  const video_uri = `s3://sample-videos/${labels.external_id}.mp4`;
  await editor.post(`/jobs/${id}/confirm-upload`, { video_uri });
  if (upTo === 'cancel') await editor.post(`/jobs/${id}/cancel`);
  if (upTo !== 'run') return;
  await orchestrator.plan(id, { pipeline });
  await editor.post(`/jobs/${id}/run`);
}
