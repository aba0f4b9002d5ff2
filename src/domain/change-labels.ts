// An editor changes what a job is called by, in any status: nothing that a pipeline or a plan goes by is touched.
import type { ChangeLabels } from './commands.ts';
import { audit, type Decision, type JobView, reject, revise, unchanged } from './decision.ts';
import { MAX_METADATA, withChanges } from './labels.ts';

export function changeLabels({ job, open }: JobView, command: ChangeLabels, now: number): Decision {
  const { metadata, tags } = withChanges(job, command.changes);
  // Whoever asks again after a lost answer is not told that the job has changed (RFC 9110 §13.1.1).
  if (isSame(metadata, job.metadata) && isSame(tags, job.tags)) return unchanged(job, open);
  const { ifMatch, etag } = command;
  if (ifMatch && !ifMatch.includes(etag)) return reject({ code: 'JOB_CHANGED', etag });
  if (Object.keys(metadata).length > MAX_METADATA) {
    return reject({ code: 'METADATA_FULL', maxEntries: MAX_METADATA });
  }
  const changed = revise(job, now, { progressPct: job.progressPct, metadata, tags });
  const entry = { ...audit(job, job.status, 'editor', now, command), eventType: 'labels_changed' as const };
  return {
    kind: 'accepted',
    job: changed,
    dispatch: open,
    changes: { job: changed, transitions: [entry] },
  };
}

const isSame = (one: object, other: object): boolean => JSON.stringify(one) === JSON.stringify(other);
