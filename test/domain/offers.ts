// What is offered to an editor works, and what is not is refused: each command that an action stands for is tried on the job.
import type { Command } from '../../src/domain/commands.ts';
import { EDITABLE_STAGES, type EditableStage } from '../../src/domain/lifecycle.ts';
import { ACTIONS, type Action, type NextAction, nextActions } from '../../src/domain/next-actions.ts';
import { holds } from '../rules/holds.ts';
import {
  abandon,
  cancel,
  confirmUpload,
  editArtifact,
  erase,
  exportDraft,
  redo,
  renewVideo,
  retry,
  run,
} from './builders.ts';
import type { MemoryJob } from './memory-job.ts';

/** What an action is about: a run, retry or redo is under a profile, an edit of a version. */
type About = Pick<NextAction, 'modelProfile' | 'edits'>;

/** The commands that an action stands for; none where it is nothing that is asked of the job. */
function commandFor(
  action: Action,
  { job, rules }: MemoryJob,
  { modelProfile, edits }: About,
): Command | null {
  const profile = modelProfile ?? rules.policy.defaultProfile;
  switch (action) {
    case 'confirm_upload':
      return confirmUpload({ videoUri: 's3://offered' });
    case 'run':
      return run('dsp_offered', { modelProfile: profile });
    case 'retry':
    case 'retry_with_profile':
      return retry('dsp_offered', { modelProfile: profile, clientRequestId: 'offered' });
    case 'redo':
      return redo('dsp_offered', { modelProfile: profile, clientRequestId: 'offered' });
    case 'export':
      return exportDraft('dsp_offered', { clientRequestId: 'offered' });
    case 'edit': {
      const { stage = 'transcript', version = 1 } = edits ?? {};
      return editArtifact({ stage, edits: version, uri: 's3://offered', clientRequestId: 'offered' });
    }
    case 'renew_video':
      return renewVideo({ videoUri: 's3://offered', replaces: job.manifest.videoUri ?? 's3://none' });
    case 'abandon':
      return abandon();
    case 'cancel':
      return cancel();
    case 'erase':
      return erase();
    case 'wait':
    case 'new_job':
      return null;
    default:
      return action satisfies never;
  }
}

export function checkOffers(job: MemoryJob, now: number): void {
  const offered = nextActions(job.job, job.open, job.rules);
  for (const { action, refusal, ...about } of offered) {
    const command = commandFor(action, job, about);
    if (!command) continue;
    const decision = job.would(command, now);
    if (refusal === null) holds(`${action} is offered and works`, decision.kind === 'accepted');
    else {
      const said = decision.kind === 'rejected' ? JSON.stringify(decision.rejection) : decision.kind;
      holds(`${action} is refused as it is said to be`, said === JSON.stringify(refusal));
    }
  }
  for (const action of ACTIONS) {
    for (const about of abouts(action, job)) {
      const isOffered = offered.some((one) => isSame(one, action, about));
      const command = isOffered ? null : commandFor(action, job, about);
      if (command)
        holds(`${action} is not offered and does nothing`, job.would(command, now).kind !== 'accepted');
    }
  }
}

/** All that an action could be about: every profile, and of each stage the newest version. */
function abouts(action: Action, { job, rules }: MemoryJob): About[] {
  if (action === 'edit') {
    const newest = (name: EditableStage) =>
      job.versions.findLast(({ stage }) => stage === name)?.version ?? 1;
    return EDITABLE_STAGES.map((stage) => ({ modelProfile: null, edits: { stage, version: newest(stage) } }));
  }
  return rules.policy.profiles.map(({ id }) => ({ modelProfile: id, edits: null }));
}

/** A retry under another profile is a retry; of a redo each profile is offered, and of a run the default alone. */
function isSame(one: NextAction, action: Action, { modelProfile, edits }: About): boolean {
  if (action === 'edit') return one.action === action && one.edits?.stage === edits?.stage;
  const isARetry = (name: Action) => name === 'retry' || name === 'retry_with_profile';
  if (isARetry(action)) return isARetry(one.action) && one.modelProfile === modelProfile;
  return one.action === action && (action !== 'redo' || one.modelProfile === modelProfile);
}
