// Planted: retries that resume from elsewhere than the furthest checkpoint, or of which somebody is told otherwise.
import { CHECKPOINT_RULES } from './checkpoints.ts';
import { findsPlanted, RETRY, RUN, report } from './kept.ts';

findsPlanted(CHECKPOINT_RULES, {
  'a retry resumes from the furthest checkpoint on record': {
    'a retry from the start although there was a checkpoint': ({ dispatches }) => {
      for (const retry of dispatches.slice(-1)) retry.resumeFrom = 'UPLOADED';
    },
    'a retry from another artifact': ({ dispatches }) => {
      for (const retry of dispatches.slice(-1)) retry.ref = 's3://other';
    },
    'a retry that knows nothing of an artifact that came a report late': ({ reports }) => {
      for (const failed of reports.slice(2, 3)) failed.artifacts = { AUDIO_READY: 's3://artifacts/audio-2' };
    },
    'a retry from an artifact whose stage was not reached': ({ reports, dispatches }) => {
      for (const failed of reports.slice(2, 3)) failed.artifacts = { DRAFT_READY: 's3://artifacts/draft' };
      for (const retry of dispatches.slice(-1)) retry.resumeFrom = 'DRAFT_READY';
    },
    'a retry from the upload that goes to another video': ({ dispatches, reports }) => {
      for (const brought of reports.slice(0, 3)) brought.artifacts = {};
      for (const retry of dispatches) Object.assign(retry, { resumeFrom: 'UPLOADED', ref: 's3://other' });
    },
    'a retry from a checkpoint that was not reached yet': ({ dispatches }) => {
      for (const retry of dispatches.slice(-1)) retry.resumeFrom = 'DRAFT_READY';
    },
    'a retry from the older version of a checkpoint': ({ reports, trail }) => {
      const newer = report(RUN, 'AUDIO_READY', 6, 's3://artifacts/audio-2');
      reports.splice(2, 0, newer);
      for (const reached of trail.slice(2, 3)) {
        trail.splice(3, 0, { ...reached, seq: 3.5, occurredAt: newer.occurredAt });
      }
    },
  },
  'everybody is told the same of where a retry resumes': {
    'an orchestrator that was told to go on elsewhere': ({ requests }) => {
      for (const last of requests.slice(-1)) last.resumeFrom = 'UPLOADED';
    },
    'an orchestrator that was told of another artifact': ({ requests }) => {
      for (const last of requests.slice(-1)) last.ref = 's3://other';
    },
    'an editor who was told of another artifact': ({ calls }) => {
      for (const { ending } of calls) {
        if (ending.kind === 'done' && ending.dispatch?.id === RETRY) ending.dispatch.ref = 's3://other';
      }
    },
    'an editor who was told to expect another stage': ({ calls }) => {
      for (const { ending } of calls) {
        if (ending.kind === 'done' && ending.dispatch?.id === RETRY) ending.dispatch.resumeFrom = 'UPLOADED';
      }
    },
  },
});
