// The list of checks, in the order of spec/dispatch.md.
import * as dispatches from './checks/dispatches.ts';
import * as further from './checks/further.ts';
import { keepsCorrections, keepsWhatIsKept, leavesAFinishedDraft } from './checks/keeping.ts';
import * as refusals from './checks/refusals.ts';
import * as reports from './checks/reports.ts';
import * as stops from './checks/stops.ts';
import type { Optional } from './options.ts';
import type { Scene } from './scene.ts';

export interface Check {
  name: string;
  /** The message that it is about, where an orchestrator may do without. */
  needs?: Optional;
  /** What it means when it passes. */
  guarantee: string;
  /** Throws a Finding when it fails. */
  run(scene: Scene): Promise<void>;
}

export const CHECKS: readonly Check[] = [
  {
    name: 'refuses-unsigned',
    guarantee: 'a dispatch without a signature is refused, and taken with one',
    run: refusals.unsigned,
  },
  {
    name: 'refuses-wrong-signature',
    guarantee: 'a dispatch signed with another secret, or altered after signing, is refused',
    run: refusals.wrongSignature,
  },
  {
    name: 'refuses-stale',
    guarantee: 'a dispatch signed ten minutes ago is refused',
    run: refusals.stale,
  },
  {
    name: 'takes-any-signature',
    guarantee: 'a dispatch with two signatures is taken when either is right',
    run: refusals.anySignature,
  },
  {
    name: 'refuses-unknown-messages',
    guarantee: 'a message of a type that is not known, or that it is said not to take, is refused with 4xx',
    run: refusals.unknownMessages,
  },
  {
    name: 'answers-in-time',
    guarantee: 'a signed dispatch is answered 2xx before Retake gives up waiting',
    run: dispatches.answersInTime,
  },
  {
    name: 'executes-once',
    guarantee:
      'the same Idempotency-Key is executed once, and answered 2xx again as soon as its first request is',
    run: dispatches.executesOnce,
  },
  {
    name: 'reports-by-contract',
    guarantee: 'every report is one that Retake accepts, from the first to a resting status',
    run: reports.byContract,
  },
  {
    name: 'shows-signs-of-life',
    guarantee: 'a pipeline at work is never silent for long',
    run: reports.signsOfLife,
  },
  {
    name: 'repeats-unanswered-reports',
    guarantee: 'a report that was answered 503 or 429, or not at all, is sent again unchanged',
    run: reports.repeatsUnanswered,
  },
  {
    name: 'drops-refused-reports',
    guarantee: 'a report that was answered 400 or 409 CALLBACK_OUT_OF_ORDER is not sent again',
    run: reports.dropsRefused,
  },
  {
    name: 'reports-failure',
    guarantee: 'a video that cannot be read is reported as FAILED, and nothing after it',
    run: reports.failure,
  },
  {
    name: 'resumes-from-checkpoint',
    guarantee: 'a retry goes on from its checkpoint, whichever it is, and does not repeat what led to it',
    run: dispatches.resumesFromCheckpoint,
  },
  {
    name: 'resumes-from-upload',
    guarantee: 'a retry without a checkpoint begins with the video',
    run: dispatches.resumesFromUpload,
  },
  {
    name: 'keeps-what-is-kept',
    guarantee: 'a retry makes again only what is not in keep; which models it takes for that is not judged',
    run: keepsWhatIsKept,
  },
  {
    name: 'keeps-corrections',
    guarantee: 'a reference in keep that a person has put there is taken as it is, whatever its characters',
    run: keepsCorrections,
  },
  {
    name: 'leaves-a-finished-draft',
    guarantee:
      'a retry that begins with the draft and names no formats makes and exports nothing, and ends with EDITING',
    run: leavesAFinishedDraft,
  },
  {
    name: 'makes-another-draft',
    needs: 'redo',
    guarantee:
      'job.redo makes what is not in keep again, reports REGENERATING and what it makes on the way, and ends with a draft',
    run: further.makesAnotherDraft,
  },
  {
    name: 'redoes-once',
    needs: 'redo',
    guarantee: 'the same Idempotency-Key of job.redo makes one more draft',
    run: further.redoesOnce,
  },
  {
    name: 'exports-the-draft',
    needs: 'export',
    guarantee:
      'job.export leaves the draft alone, reports EXPORTING, and ends with an export for each of formats; what becomes of params is not judged',
    run: further.exportsTheDraft,
  },
  {
    name: 'exports-once',
    needs: 'export',
    guarantee: 'the same Idempotency-Key of job.export exports once',
    run: further.exportsOnce,
  },
  {
    name: 'retries-an-export',
    needs: 'export',
    guarantee: 'a retry of an export that failed goes on to the same formats',
    run: further.retriesAnExport,
  },
  {
    name: 'stops-on-cancel',
    guarantee:
      'job.cancel, which says no more than whom to stop, is answered 2xx, again too, and stops the pipeline',
    run: stops.onCancel,
  },
  {
    name: 'remembers-early-cancel',
    guarantee: 'a dispatch that arrives after its job.cancel is not executed',
    run: stops.onEarlyCancel,
  },
  {
    name: 'stops-on-409',
    guarantee:
      'a report answered 409 DISPATCH_NOT_CURRENT, FSM_TERMINAL_IMMUTABLE, MANIFEST_FULL or REPORTS_EXHAUSTED is the last',
    run: stops.onConflict,
  },
  {
    name: 'stops-on-401',
    guarantee: 'a report answered 401 is the last',
    run: stops.onUnauthenticated,
  },
];
