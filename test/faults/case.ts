// What is known of a job that was lived through over HTTP, in the form that the rules judge: what the API shows in the
// end, what was seen on the way, the orchestrator's own log, and of what is stored just what the API does not show.
import type { JobCase } from '../rules/case.ts';
import { toDispatch, toEdits, toEntry, toRequest, toVersion } from '../rules/outside.ts';
import type { ActingJob } from '../support/workerd/acting.ts';
import type { Witness } from './witness.ts';

export async function caseOf(job: ActingJob, { calls, reports, videoUris, seen }: Witness): Promise<JobCase> {
  const { status, revision, manifest, open_dispatch: open } = await job.get();
  const dispatches = (await job.dispatches()).toReversed();
  const stored = await job.storedDispatches();
  const transitions = await job.transitions();
  const versions = await job.versions();
  const remembered = await job.sql(
    `SELECT dispatch_id, key FROM history WHERE payload_digest IS NOT NULL AND dispatch_id != ''`,
  );
  const isAged = { unknown: 'what is stored is made older when a pipeline is silent' };
  return {
    ...{ id: job.id, status, revision },
    videoUris,
    ...{ videoUri: manifest.video_uri, openDispatchId: open?.dispatch_id ?? null },
    dispatches: dispatches.map(toDispatch),
    trail: transitions.map(toEntry),
    versions: versions.map(toVersion),
    seen,
    edits: toEdits(versions, transitions, dispatches),
    executions: (await job.executions()).map(({ dispatch_id }) => dispatch_id),
    requests: (await job.requests()).map(toRequest),
    ...{ reports, calls },
    evidence: {
      listed: { unknown: 'a list follows within moments, which are not waited for' },
      labels: { unknown: 'nobody changes them there' },
      notices: {
        known: new Map(
          stored.flatMap(({ id, cancelNotice }) => (cancelNotice ? [[id, cancelNotice.state]] : [])),
        ),
      },
      lifetimes: isAged,
      windows: isAged,
      remembered: {
        known: remembered.map(({ dispatch_id, key }) => ({
          dispatchId: String(dispatch_id),
          eventId: String(key),
        })),
      },
      rest: { unknown: 'the test fires alarms itself, and real time says nothing' },
      patience: { unknown: 'real time says nothing' },
      asksAtRest: { unknown: 'editors ask at any time' },
    },
  };
}
