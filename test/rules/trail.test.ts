// Planted: audit trails with gaps, with steps that nobody may take, and with what nobody reported.
import { call, done, entry, findsPlanted, type Kept, REFUSED, RETRY, RUN } from './kept.ts';
import { TRAIL_RULES } from './trail.ts';

const moverOf = ({ trail }: Kept, index: number, id: string): void => {
  for (const moved of trail.slice(index).slice(0, 1)) moved.dispatchId = id;
};
const cancelled = (kept: Kept): void => {
  kept.trail.push(entry('editor', 'DRAFT_READY', 'CANCELLED', null));
  kept.status = 'CANCELLED';
};

findsPlanted(TRAIL_RULES, {
  'the entries are in order': {
    'entries with one number': ({ trail }) => {
      for (const one of trail) one.seq = 1;
    },
    'entries in another order': ({ trail }) => {
      trail.reverse();
    },
    'a trail that begins before its beginning': ({ trail }) => {
      for (const first of trail.slice(0, 1)) first.seq = 0;
    },
  },
  'each entry begins where the one before it ended': {
    'a gap': ({ trail }) => {
      trail.splice(3, 1);
    },
    'a beginning that is missing': ({ trail }) => {
      trail.shift();
    },
  },
  'the trail leads to the present': {
    'an end that is not the present': (kept) => {
      kept.status = 'DONE';
    },
    'a job that moved and left no entry': (kept) => {
      kept.trail.length = 0;
    },
  },
  'every entry is one that the table allows': {
    'a step that skips a stage': ({ trail }) => {
      trail.splice(5, 1);
      for (const after of trail.slice(5, 6)) after.from = 'TRANSCRIBING';
    },
    'a step out of a job that has failed without a retry': (kept) => moverOf(kept, 4, RUN),
    'an editor’s step that a pipeline took': ({ trail }) => {
      for (const first of trail.slice(0, 1)) first.actor = 'orchestrator';
    },
    'a pipeline’s step that an editor took': ({ trail }) => {
      for (const last of trail.slice(-1)) last.actor = 'editor';
    },
    'a stage that an editor reported': ({ trail }) => {
      for (const staged of trail.filter(({ to }) => to === 'TRANSCRIBING')) staged.actor = 'editor';
    },
    'a cancel that the service made': (kept) => {
      cancelled(kept);
      for (const last of kept.trail.slice(-1)) last.actor = 'system';
    },
    'a heartbeat of a stage that has none': ({ trail }) => {
      trail.push(entry('orchestrator', 'DRAFT_READY', 'DRAFT_READY', RETRY));
    },
    'an entry that is not of its kind': ({ trail }) => {
      for (const last of trail.slice(-1)) last.type = 'failed_again';
    },
    'an entry of a kind that there is not': ({ trail }) => {
      for (const last of trail.slice(-1)) last.type = 'something_else';
    },
    'a video that a pipeline renewed': ({ trail }) => {
      trail.push({ ...entry('orchestrator', 'DRAFT_READY', 'DRAFT_READY', RETRY), type: 'video_renewed' });
    },
    'a video that was renewed while a pipeline was at work': ({ trail }) => {
      const at = trail.findIndex(({ to }) => to === 'TRANSCRIBING') + 1;
      const renewed = entry('editor', 'TRANSCRIBING', 'TRANSCRIBING', null);
      trail.splice(at, 0, { ...renewed, type: 'video_renewed' });
    },
    'life after the end': ({ trail }) => {
      trail.push(entry('editor', 'DRAFT_READY', 'CANCELLED', null));
      trail.push(entry('orchestrator', 'CANCELLED', 'EXPORTING', RETRY));
    },
  },
  'an older dispatch moves nothing after a newer one': {
    'an audit trail in which an older dispatch moves the job again': (kept) => moverOf(kept, -1, RUN),
  },
  'only the job’s own dispatches move it': {
    'an entry of nobody’s dispatch': (kept) => moverOf(kept, -1, 'dsp_phantom'),
  },
  'a withdrawn dispatch moves nothing': {
    'an entry of a withdrawn dispatch': (kept) => moverOf(kept, -1, REFUSED),
  },
  'a cancelled job stays cancelled': {
    'a cancelled job that came back': ({ calls }) => {
      calls.push(call('cancel', 30, done({})));
    },
  },
  'a job is cancelled only where somebody asked for it': {
    'a job that is cancelled and nobody asked for it': cancelled,
  },
  'a report is in the trail once': {
    'a report that is in it twice': ({ trail }) => {
      trail.push(...trail.slice(-1));
    },
  },
  'a report that was accepted is in the trail': {
    'an accepted report that is not in it': (kept) => {
      kept.trail.pop();
      kept.status = 'GENERATING';
    },
    'a heartbeat of a stage in which the job never was': ({ trail }) => {
      for (const index of [1]) trail.splice(index, 1);
    },
  },
  'only what was reported is in the trail': {
    'a refused report that is in it': ({ reports }) => {
      for (const last of reports.slice(-1)) last.answer = 'refused';
    },
    'a report that is in it and was never made': ({ reports }) => {
      reports.pop();
    },
    'a report that is in it as another execution’s': ({ trail }) => {
      for (const last of trail.slice(-1)) last.correlationId = 'exe_other';
    },
  },
});
