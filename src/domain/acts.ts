// The table of what an editor can ask a pipeline for: a row for each kind of dispatch says from where it can be asked for, what its
// pipeline does, and where that begins at the furthest. plan.ts goes by it, and so does whatever moves a job.
import { type DispatchKind, DRAFT, type Task } from './dispatch.ts';
import type { Job } from './job.ts';
import { nearer, type ResumeStatus, type Status } from './lifecycle.ts';
import type { Rejection } from './rejection.ts';

interface Act {
  /**
   * The status in which its pipeline begins: it can be asked for where the transition table leads there. Null for what goes on
   * from where a failed job resumes.
   */
  begins: Status | null;
  /** Whether the job is in that status as soon as the orchestrator has it, and not with the pipeline's first report. */
  beginsOnDelivery: boolean;
  /** What its pipeline is asked for; null for what the request says. */
  task: ((job: Job) => Task) | null;
  /** How far it may resume. */
  upTo: (task: Task, asked: ResumeStatus | null) => ResumeStatus;
  /** Why it has nothing to do where it is asked to begin, at the furthest; null when it has. */
  refuse: (asked: ResumeStatus | null) => Rejection | null;
  /** Whether it takes the draft that counts, under no profile of its own, rather than what the rule finds for one. */
  takesDraft: boolean;
}

const FURTHEST = 'DRAFT_READY';
const BEFORE_DRAFT = 'TRANSCRIPT_READY';

export const ACTS: Readonly<Record<DispatchKind, Act>> = {
  run: {
    begins: 'AUDIO_EXTRACTING',
    beginsOnDelivery: true,
    task: () => DRAFT,
    upTo: () => 'UPLOADED',
    refuse: () => null,
    takesDraft: false,
  },
  retry: {
    begins: null,
    beginsOnDelivery: false,
    task: ({ unfinishedTask }) => unfinishedTask,
    // Who asks for the draft of before gets it back, also where another was to be made.
    upTo: (task, asked) => asked ?? (task.kind === 'redraft' ? BEFORE_DRAFT : FURTHEST),
    refuse: () => null,
    takesDraft: false,
  },
  redo: {
    begins: 'REGENERATING',
    beginsOnDelivery: false,
    task: () => ({ kind: 'redraft' }),
    upTo: (_, asked) => nearer(asked ?? FURTHEST, BEFORE_DRAFT),
    refuse: (asked) => (asked === FURTHEST ? { code: 'NOTHING_TO_REDO' } : null),
    takesDraft: false,
  },
  export: {
    begins: 'EXPORTING',
    beginsOnDelivery: false,
    task: null,
    upTo: () => FURTHEST,
    refuse: () => null,
    takesDraft: true,
  },
};
