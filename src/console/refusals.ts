// A refusal in words: the cause, and then what can be done. Every one ends somewhere; a code that is not known here is said in the
// server's own words.
import type { JobStatus, Plan, Refusal, ResumeStatus } from './api.ts';
import { jobsInWords, listed, REASONS, RESUME_POINTS, STAGES, type Stage, statusWords } from './words.ts';

export function inWords({ code, title, detail, details, retryAfterSeconds }: Refusal): string {
  return SENTENCES[code]?.(details, retryAfterSeconds) ?? ended(detail ?? title);
}

/** As an action that is not available has it, without the details of an answer. */
export const reasonInWords = (code: string | null, reason: string | null): string =>
  code === null ? '' : (SENTENCES[code]?.(reason === null ? {} : { reason }, null) ?? ended(code));

const ended = (sentence: string): string => (/[.!?]$/.test(sentence) ? sentence : `${sentence}.`);

type Details = Record<string, unknown>;
type Sentence = (details: Details, retryAfterSeconds: number | null) => string;

const status = (details: Details, otherwise = 'somewhere else'): string =>
  typeof details.current_status === 'string'
    ? `“${statusWords(details.current_status as JobStatus)}”`
    : otherwise;
const again = (seconds: number | null): string => (seconds === null ? '' : ` Tries again in ${seconds} s.`);

const PROFILE: Readonly<Record<string, string>> = {
  unknown: 'This profile does not exist.',
  disabled: 'This profile is not offered any more.',
  resume_point_not_allowed: 'This profile may not start from what there is.',
};
const NOT_RETRIED: Readonly<Record<string, string>> = {
  nothing_to_resume_from: 'There is no video to start from.',
  abandoned: 'The attempt was given up while this was on its way.',
};
const NOT_EXPORTED: Readonly<Record<string, string>> = {
  no_draft: 'There is no draft yet.',
  incomplete: 'The draft was never finished.',
  missing: 'The file of the draft is gone.',
  changed: 'The file of the draft is not the one that was recorded.',
};

/** What the forms call what the API names so; a field that none of them has keeps its name. */
const FIELDS: Readonly<Record<string, string>> = {
  external_id: 'External id',
  video_uri: 'Video',
  name: 'Name',
  tags: 'Tags',
  metadata: 'Metadata',
  model_profile: 'Profile',
  formats: 'Formats',
  params: 'Parameters',
  max_in_flight: 'At once, at most',
  uri: 'Where the corrected text is',
};
/** "Metadata (speaker)" */
function fieldName(path: string): string {
  const [field = '', ...rest] = path.split('.');
  const name = FIELDS[field];
  if (name === undefined) return path;
  return rest.length === 0 ? name : `${name} (${rest.join('.')})`;
}

const SENTENCES: Readonly<Record<string, Sentence>> = {
  UNREACHABLE: () => 'Retake could not be reached.',
  RESOURCE_NOT_FOUND: () => 'There is nothing here, or it is not yours.',
  UNAUTHENTICATED: () => 'You are signed out.',
  FORBIDDEN: ({ required_scope }) => `Your sign-in does not allow this (${required_scope} is needed).`,
  VALIDATION_ERROR: ({ issues }) =>
    (issues as { path: string; message: string }[] | undefined)
      ?.map(({ path, message }) => ended(`${fieldName(path)}: ${message}`))
      .join(' ') || 'This does not fit.',
  FSM_TRANSITION_INVALID: (details) => `This job is ${status(details)} now, from where that is not possible.`,
  FSM_TERMINAL_IMMUTABLE: (details) => `This job has ended: ${status(details, 'it is over')}.`,
  RETRY_NOT_ALLOWED_STATE: (details) =>
    NOT_RETRIED[String(details.reason)] ??
    `This job is ${status(details)} now, so there is nothing to retry.`,
  JOB_ALREADY_RUNNING: () => 'An attempt is under way already.',
  JOB_NOT_RUNNING: () => 'No attempt is under way any more.',
  MODEL_PROFILE_NOT_ALLOWED: ({ reason }) => PROFILE[String(reason)] ?? 'This profile is not allowed here.',
  RESUME_POINT_NOT_AVAILABLE: ({ requested, available }) =>
    `It cannot start from ${RESUME_POINTS[requested as ResumeStatus] ?? 'there'}; ` +
    (available
      ? `at the furthest from ${RESUME_POINTS[available as ResumeStatus]}.`
      : 'there is nothing left.'),
  JOBS_CHANGED: ({ expected, found }) => `There are ${found} jobs now, not ${expected}. Nothing was done.`,
  TOO_MANY_JOBS: ({ found, most }) =>
    `${Number(found).toLocaleString('en')} jobs match, and one operation takes ${Number(most).toLocaleString('en')}: narrow the filter.`,
  OPERATION_ENDED: () => 'This operation is over, or is being stopped.',
  PLAN_CHANGED: () => 'The plan has changed. Nothing was done.',
  EDITS_IN_THE_WAY: ({ edits }) => {
    const named =
      (edits as { stage: Stage; version: number; reason: keyof typeof REASONS }[] | undefined) ?? [];
    const each = named.map(
      ({ stage, version, reason }) =>
        `${STAGES[stage]} v${version} (${reason === 'asked' ? 'it would be made again' : REASONS[reason]})`,
    );
    return each.length === 0
      ? 'This would pass over a correction.'
      : `This would pass over a correction: ${listed(each)}.`;
  },
  RETRY_LIMIT_REACHED: ({ limit, made }) =>
    typeof limit === 'number'
      ? `${made} of ${limit} retries are used; the limit is a setting of this installation.`
      : 'All retries are used; the limit is a setting of this installation.',
  JOB_CHANGED: () => 'The job has changed meanwhile. Nothing was done.',
  METADATA_FULL: ({ max_entries }) => `There is room for ${max_entries} entries of metadata.`,
  PROJECT_NOT_EMPTY: ({ jobs }) =>
    `It has ${jobsInWords(Number(jobs))}: erase ${jobs === 1 ? 'that' : 'those'} first.`,
  EXTERNAL_ID_TAKEN: () => 'Another job of this project has this id already.',
  CROSS_SITE_REQUEST: () => 'The request did not come from this page.',
  NOTHING_TO_REDO: () => 'The draft would be the same.',
  NOTHING_TO_EXPORT: ({ reason }) =>
    NOT_EXPORTED[String(reason)] ?? 'There is no draft that can be exported.',
  ORCHESTRATOR_DISPATCH_FAILED: () => 'The pipeline could not be reached. Nothing has changed.',
  CLIENT_REQUEST_ID_PAYLOAD_MISMATCH: () => 'This was sent before with other contents.',
  IDEMPOTENCY_KEY_MISMATCH: () => 'This was sent before with other contents.',
  VIDEO_URI_CONFLICT: () => 'Another video is confirmed for this job already.',
  ARTIFACT_NOT_EDITABLE: (details) =>
    details.reason === 'never_made'
      ? 'This was never made, so there is nothing to correct.'
      : `This job is ${status(details)} now, and its texts cannot be corrected.`,
  ARTIFACT_VERSION_CONFLICT: () => 'Somebody else has saved a newer version.',
  ARTIFACT_NOT_FOUND: ({ reason }) =>
    reason === 'changed' ? 'The file is not the one that was recorded.' : 'The file is gone.',
  ARTIFACT_NOT_STORED_HERE: () => 'The file lies in a store that Retake cannot read.',
  NO_ARTIFACT_STORE: () => 'This installation keeps no files; say where the corrected one is.',
  ARTIFACT_STORE_UNAVAILABLE: (_, seconds) =>
    `The store of files did not answer. Nothing was done.${again(seconds)}`,
  PAYLOAD_TOO_LARGE: ({ max_bytes }) =>
    `This is too large: at most ${Number(max_bytes).toLocaleString('en')} bytes.`,
  RATE_LIMITED: (_, seconds) => `Too many requests.${again(seconds)}`,
  OVERLOADED: (_, seconds) => `Retake is busy.${again(seconds)}`,
  SERVICE_NOT_CONFIGURED: () => 'Retake is not set up completely; its operator has to finish that.',
  INTERNAL: () => 'Something went wrong in Retake.',
};

/** Why several jobs are refused, after their number. */
const OF_MANY: Readonly<Record<string, string>> = {
  RETRY_NOT_ALLOWED_STATE: 'not failed, so there is nothing to retry',
  JOB_ALREADY_RUNNING: 'with an attempt under way already',
  EDITS_IN_THE_WAY: 'where a correction would be passed over',
  MODEL_PROFILE_NOT_ALLOWED: 'from which this profile may not start',
  RETRY_LIMIT_REACHED: 'with all retries used',
  FSM_TERMINAL_IMMUTABLE: 'over for good',
};

export const ofMany = (code: string): string => OF_MANY[code] ?? code;

/** Of a plan. */
export const plannedInWords = ({ error_code, ...said }: NonNullable<Plan['refusal']>): string =>
  inWords({ ...said, code: error_code, status: 0, detail: null, retryable: false, retryAfterSeconds: null });
