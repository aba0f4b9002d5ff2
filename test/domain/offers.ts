// What is offered to an editor works, and what is not is refused: each command that an action stands for is tried on the job.
import type { Command } from '../../src/domain/commands.ts';
import { ACTIONS, type Action, nextActions } from '../../src/domain/next-actions.ts';
import { holds } from '../rules/holds.ts';
import { abandon, cancel, confirmUpload, renewVideo, retry, run } from './builders.ts';
import type { MemoryJob } from './memory-job.ts';

/** The commands that an action stands for, under this profile where it has one; none where it is nothing that is asked of the job. */
function commandFor(action: Action, { job }: MemoryJob, modelProfile: string): Command | null {
  switch (action) {
    case 'confirm_upload':
      return confirmUpload({ videoUri: 's3://offered' });
    case 'run':
      return run('dsp_offered', { modelProfile });
    case 'retry':
    case 'retry_with_profile':
      return retry('dsp_offered', { modelProfile, clientRequestId: 'offered' });
    case 'renew_video':
      return renewVideo({ videoUri: 's3://offered', replaces: job.manifest.videoUri ?? 's3://none' });
    case 'abandon':
      return abandon();
    case 'cancel':
      return cancel();
    case 'redo':
    case 'export':
    case 'edit':
    case 'wait':
    case 'new_job':
      return null;
    default:
      return action satisfies never;
  }
}

export function checkOffers(job: MemoryJob, now: number): void {
  const { policy } = job.rules;
  const offered = nextActions(job.job, job.open, job.rules);
  for (const { action, modelProfile, refusal } of offered) {
    const command = commandFor(action, job, modelProfile ?? policy.defaultProfile);
    if (!command) continue;
    const decision = job.would(command, now);
    if (refusal === null) holds(`${action} is offered and works`, decision.kind === 'accepted');
    else {
      const said = decision.kind === 'rejected' ? JSON.stringify(decision.rejection) : decision.kind;
      holds(`${action} is refused as it is said to be`, said === JSON.stringify(refusal));
    }
  }
  const isARetry = (action: Action) => action === 'retry' || action === 'retry_with_profile';
  for (const action of ACTIONS) {
    for (const { id } of policy.profiles) {
      const isOffered = offered.some(
        (one) =>
          one.action === action || (isARetry(action) && isARetry(one.action) && one.modelProfile === id),
      );
      const command = isOffered ? null : commandFor(action, job, id);
      if (command)
        holds(`${action} is not offered and does nothing`, job.would(command, now).kind !== 'accepted');
    }
  }
}
