// Random histories against the model. HISTORIES and SEED scale and steer it; `npm run soak -- --model` does.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { leastSightings } from '../rules/situations.ts';
import { live } from './histories.ts';
import { histories } from './lives.ts';
import { SITUATIONS } from './situations.ts';

const numRuns = Number(process.env.HISTORIES ?? 2_000);
const seed = Number(process.env.SEED ?? 1);

/** How often each situation has to come up. */
const share = Math.floor(numRuns / 250);

/** What has to have happened now and then, or the histories prove nothing. */
const WORTH_SEEING = [
  ...['confirm-upload accepted', 'run accepted', 'run replayed', 'retry accepted', 'retry replayed'],
  ...[
    'retry CLIENT_REQUEST_ID_PAYLOAD_MISMATCH',
    'retry JOB_ALREADY_RUNNING',
    'retry MODEL_PROFILE_NOT_ALLOWED',
    'retry RESUME_POINT_NOT_AVAILABLE',
    'retry PLAN_CHANGED',
  ],
  ...[
    'cancel accepted',
    'cancel replayed',
    'abandon accepted',
    'abandon JOB_NOT_RUNNING',
    'renew-video accepted',
    ...['accepted', 'replayed', 'JOB_CHANGED', 'METADATA_FULL'].map((what) => `change-labels ${what}`),
    'deadline accepted',
    'report-delivery accepted',
  ],
  ...[
    'callback accepted',
    'callback replayed',
    'callback DISPATCH_NOT_CURRENT',
    'callback CALLBACK_OUT_OF_ORDER',
  ],
  ...[
    'redo accepted',
    'redo replayed',
    'redo CLIENT_REQUEST_ID_PAYLOAD_MISMATCH',
    'redo JOB_ALREADY_RUNNING',
  ],
  ...['redo EDITS_IN_THE_WAY', 'redo NOTHING_TO_REDO', 'redo PLAN_CHANGED', 'retry EDITS_IN_THE_WAY'],
  ...['retry-due accepted', 'retry-due replayed', 'retry RETRY_LIMIT_REACHED'],
  ...['export accepted', 'export replayed', 'export JOB_ALREADY_RUNNING', 'export NOTHING_TO_EXPORT'],
  ...['edit-artifact accepted', 'edit-artifact replayed', 'edit-artifact JOB_ALREADY_RUNNING'],
  ...['ARTIFACT_NOT_EDITABLE', 'ARTIFACT_VERSION_CONFLICT', 'ARTIFACT_NOT_FOUND'].map(
    (code) => `edit-artifact ${code}`,
  ),
  ...[
    'callback EVENT_ID_PAYLOAD_MISMATCH',
    'callback FSM_TRANSITION_INVALID',
    'callback FSM_TERMINAL_IMMUTABLE',
  ],
  ...['erase accepted', 'erase JOB_ALREADY_RUNNING', 'disown accepted', 'callback RESOURCE_NOT_FOUND'],
  ...['retry RESOURCE_NOT_FOUND', 'report-delivery RESOURCE_NOT_FOUND'],
];

test('no history of commands breaks a promise, and every step of it is as the model says', () => {
  const answers = new Map<string, number>();
  const situations = new Map<string, number>();
  fc.assert(
    fc.property(histories, (history) => live(history, answers, situations)),
    { numRuns, seed },
  );
  const steps = [...answers.values()].reduce((sum, count) => sum + count, 0);
  const accepted = [...answers].reduce((sum, [key, n]) => sum + (key.endsWith(' accepted') ? n : 0), 0);
  const seen = Object.fromEntries(SITUATIONS.map((situation) => [situation, situations.get(situation) ?? 0]));
  const counts = { histories: numRuns, seed, steps, accepted };
  console.log(`soak ${JSON.stringify({ ...counts, situations: seen, situations_share: share })}`);
  for (const key of WORTH_SEEING) expect(answers.get(key) ?? 0, key).toBeGreaterThan(numRuns / 100);
  const least = leastSightings(share, process.env.SEED);
  for (const [situation, times] of Object.entries(seen))
    expect(times, situation).toBeGreaterThanOrEqual(least);
}, 3_600_000);
