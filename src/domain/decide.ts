// decide(view, command, rules, now): the one place where a job's state is judged. Pure and total:
// it returns the changes to store, or why there are none, and never throws for anything a caller sends.
import { abandon } from './abandon.ts';
import { ownedBy } from './access.ts';
import { CLOCK_SKEW_MS, callback } from './callback.ts';
import { cancel } from './cancel.ts';
import { changeLabels } from './change-labels.ts';
import type { Command } from './commands.ts';
import { confirmUpload, renewVideo } from './confirm-upload.ts';
import { type Decision, type JobView, reject } from './decision.ts';
import { reportDelivery } from './delivery.ts';
import { askForPipeline, retryDue } from './dispatching.ts';
import { editArtifact } from './edit-artifact.ts';
import { disown, endsErased, erase } from './erasure.ts';
import type { Rules } from './rules.ts';
import { deadline } from './timeouts.ts';

/** A null view means that there is no such job; one that is being erased is as good as none. `clock` is what the machine's clock says. */
export function decide(view: JobView | null, command: Command, rules: Rules, clock: number): Decision {
  if (view === null || (view.job.erasure !== null && !endsErased(command))) {
    return reject({ code: 'RESOURCE_NOT_FOUND' });
  }
  // Clocks step back now and then; a job's history does not, unless a clock was so far ahead that it would wait for long.
  const latest = Math.max(view.job.updatedAt, view.open?.updatedAt ?? 0);
  const now = Math.max(clock, Math.min(latest, clock + CLOCK_SKEW_MS));
  if ('owner' in command && !ownedBy(view.job, command.owner)) return reject({ code: 'RESOURCE_NOT_FOUND' });
  switch (command.type) {
    case 'confirm-upload':
      return confirmUpload(view, command, now);
    case 'renew-video':
      return renewVideo(view, command, now);
    case 'run':
    case 'retry':
    case 'redo':
    case 'export':
      return askForPipeline(view, command, rules, now);
    case 'edit-artifact':
      return editArtifact(view, command, rules, now);
    case 'change-labels':
      return changeLabels(view, command, now);
    case 'cancel':
      return cancel(view, command, rules, now);
    case 'abandon':
      return abandon(view, command, rules, now);
    case 'erase':
      return erase(view, command, rules, now);
    case 'disown':
      return disown(view, command, rules, now);
    case 'callback':
      return callback(view, command, rules, now);
    case 'report-delivery':
      return reportDelivery(view, command, rules, now);
    case 'deadline':
      return deadline(view, command, rules, now);
    case 'retry-due':
      return retryDue(view, command, rules, now);
    default:
      return command satisfies never;
  }
}
