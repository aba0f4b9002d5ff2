import { expect, test } from 'vitest';
import {
  allowedNextStatuses,
  isInProgress,
  isResting,
  isTerminal,
  isTransitionAllowed,
  STATUSES,
  type Status,
} from '../../src/domain/lifecycle.ts';

// Restated from the design, not from the code.
const NEXT: Record<Status, string> = {
  CREATED: 'UPLOADING UPLOADED FAILED CANCELLED',
  UPLOADING: 'UPLOADED FAILED CANCELLED',
  UPLOADED: 'AUDIO_EXTRACTING FAILED CANCELLED',
  AUDIO_EXTRACTING: 'AUDIO_EXTRACTING AUDIO_READY FAILED CANCELLED',
  AUDIO_READY: 'AUDIO_READY TRANSCRIBING FAILED CANCELLED',
  TRANSCRIBING: 'TRANSCRIBING TRANSCRIPT_READY FAILED CANCELLED',
  TRANSCRIPT_READY: 'TRANSCRIPT_READY GENERATING FAILED CANCELLED',
  GENERATING: 'GENERATING DRAFT_READY FAILED CANCELLED',
  DRAFT_READY: 'EDITING REGENERATING EXPORTING FAILED CANCELLED',
  EDITING: 'REGENERATING EXPORTING FAILED CANCELLED',
  REGENERATING: 'DRAFT_READY EDITING REGENERATING FAILED CANCELLED',
  EXPORTING: 'EDITING EXPORTING DONE FAILED CANCELLED',
  DONE: '',
  FAILED: '',
  CANCELLED: '',
};

test.each(STATUSES)('%s leads exactly where the design says', (from) => {
  expect(allowedNextStatuses(from)).toEqual(NEXT[from].split(' ').filter(Boolean));
});

test('only an editor uploads and cancels; an editor may fail a job too, by abandoning its pipeline, and does nothing else', () => {
  const byEditor = STATUSES.flatMap((from) =>
    STATUSES.filter((to) => isTransitionAllowed(from, to, 'editor')).map((to) => `${from} ${to}`),
  );
  const endings = STATUSES.filter((from) => !isTerminal(from)).flatMap((from) => [
    `${from} CANCELLED`,
    `${from} FAILED`,
  ]);
  const uploads = ['CREATED UPLOADING', 'CREATED UPLOADED', 'UPLOADING UPLOADED'];
  expect(byEditor.toSorted()).toEqual([...uploads, ...endings].toSorted());
});

test('an orchestrator cannot upload or cancel', () => {
  for (const from of STATUSES) {
    for (const to of ['CREATED', 'UPLOADING', 'UPLOADED', 'CANCELLED'] as const) {
      expect(isTransitionAllowed(from, to, 'orchestrator')).toBe(false);
    }
  }
});

test('no status is both in progress and resting, and every terminal one rests', () => {
  expect(STATUSES.filter((status) => isInProgress(status) && isResting(status))).toEqual([]);
  expect(STATUSES.filter((status) => isTerminal(status) && !isResting(status))).toEqual([]);
});
