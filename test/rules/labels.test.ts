// Planted: labels that are lost, that nobody gave, or that a list does not know.
import { call, done, findsPlanted, type Kept, refused } from './kept.ts';
import { LABEL_RULES } from './labels.ts';

const asked = ({ calls }: Kept, ...endings: Parameters<typeof call>[2][]): void => {
  for (const ending of endings) calls.push(call('label', 30, ending, { request: 'label n7' }));
};

findsPlanted(LABEL_RULES, {
  'a change of labels that was taken is there': {
    'one that was answered, and is gone': (kept) => asked(kept, done({ revision: 11 })),
    'one that was answered at its second attempt': (kept) =>
      asked(kept, { kind: 'unanswered', metFault: true }, done({ revision: 11 })),
  },
  'a change of labels is there because somebody asked for it, and was not refused': {
    'one that nobody asked for': ({ known }) => {
      known.labels.stored.push('n7');
    },
    'one that was refused each time': (kept) => {
      kept.known.labels.stored.push('n7');
      asked(kept, refused(412, 'JOB_CHANGED'), refused(412, 'JOB_CHANGED'));
    },
  },
  'a job is listed with its labels': {
    'a list that knows one less': ({ known }) => {
      known.labels.listed.pop();
    },
    'a list that knows one more': ({ known }) => {
      known.labels.listed.push('n7');
    },
  },
  'a job is found by its external id, and no other is': {
    nobody: ({ known }) => {
      known.labels.found = [];
    },
    another: ({ known }) => {
      known.labels.found = ['job_other'];
    },
    'a second one': ({ known }) => {
      known.labels.found.push('job_other');
    },
  },
});
