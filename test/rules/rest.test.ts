// Planted: jobs that do not come to rest, and lists that do not follow.
import { findsPlanted, RETRY } from './kept.ts';
import { REST_RULES } from './rest.ts';

findsPlanted(REST_RULES, {
  'a job comes to rest': {
    'a job that is still in progress': (kept) => {
      kept.trail.pop();
      kept.status = 'GENERATING';
    },
    'a job between two stages': (kept) => {
      kept.status = 'TRANSCRIPT_READY';
    },
  },
  'no dispatch stays open': {
    'a dispatch that the job still holds open': (kept) => {
      kept.openDispatchId = RETRY;
    },
    'a dispatch that is on its way and that the job does not name': ({ dispatches }) => {
      for (const dispatch of dispatches.slice(-1)) dispatch.state = 'PENDING';
    },
  },
  'no cancel stays undelivered': {
    'a cancel that is still to be delivered': ({ known }) => {
      known.notices.set(RETRY, 'PENDING');
    },
  },
  'rest comes in time': {
    'a job that took too long': ({ known }) => {
      known.rest.tookMs = known.rest.boundMs + 1;
    },
  },
  'a job at rest keeps no alarm': {
    'an alarm that is left': ({ known }) => {
      known.rest.alarmAt = 0;
    },
  },
  'a job is listed as it is': {
    'a job that is listed as it was': ({ known }) => {
      known.listed = 'FAILED';
    },
    'a job that is not listed': ({ known }) => {
      known.listed = null;
    },
  },
});
