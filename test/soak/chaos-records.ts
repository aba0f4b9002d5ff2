// What a chaos run writes down, and all that the checker may believe: what editors were answered, what the service
// shows of each job at the end, and the orchestrator's own log. Only types.
import type { AskedEdit, Exporting, ListedVersion } from '../rules/case.ts';
import type { ShownDispatch, ShownTransition, ShownVersion } from '../rules/outside.ts';
import type { OrchestratorLog } from '../support/orchestrator/log.ts';

export type Operation =
  | 'project'
  | 'create'
  | 'confirm'
  | 'renew'
  | 'run'
  | 'retry'
  | 'redo'
  | 'export'
  | 'edit'
  | 'cancel'
  | 'abandon'
  | 'read';

/**
 * How a request ended. `answered`: by the service itself. `foreign`: by the local runtime in its stead. `cut`: the connection failed.
 * `forgotten`: the editor did not wait for it, and closed the connection.
 */
export type Ending = 'answered' | 'foreign' | 'cut' | 'forgotten';

/** One request of an editor, with what it was answered. Times are epoch milliseconds. */
export interface Call {
  operation: Operation;
  jobId: string | null;
  /** The same for identical requests: `run`, or the client_request_id. */
  requestKey: string | null;
  prefer: string | null;
  /** Where the video is said to be; null where nothing is said of it. */
  videoUri: string | null;
  sentAt: number;
  endedAt: number;
  ending: Ending;
  /** 0 when nobody answered. */
  status: number;
  errorCode: string | null;
  /** Whether the service was down at some time between the request and its end. */
  metKill: boolean;
  /** Of run and retry: the answer's, also the one that a refusal names. */
  dispatchId: string | null;
  dispatchState: string | null;
  replayed: boolean | null;
  resumeFrom: string | null;
  checkpointRef: string | null;
  /** Of whatever is answered with the job. */
  revision: number | null;
  /** Of an edit: what was asked for, and the version that it was answered with. */
  edit: AskedEdit | null;
  edited: { version: ListedVersion; replayed: boolean } | null;
  /** Of an export. */
  exports: Exporting | null;
}

/** A job as the service shows it when everything is over. */
export interface FinalJob {
  id: string;
  status: string;
  revision: number;
  videoUri: string | null;
  openDispatchId: string | null;
  /** Oldest first. */
  dispatches: ShownDispatch[];
  transitions: ShownTransition[];
  /** Of its artifacts, oldest first. */
  versions: ShownVersion[];
  /** In its project's list; null when it is not there. */
  listedStatus: string | null;
}

export interface ChaosRecords {
  calls: Call[];
  /** Every job that an editor was told of, and those that its lists show besides. */
  jobs: FinalJob[];
  log: OrchestratorLog;
  /** Lines of the service's output that hold what must stay secret, with the secret cut out. */
  leaks: string[];
}
