// What a job is called by: changes that were taken are there, and a job is found under the id that its editor gave it.
import type { Call, JobCase } from './case.ts';
import { rule } from './rule.ts';

export const LABEL_RULES = {
  'a change of labels that was taken is there': rule({
    kind: 'lost',
    promise: 'S2',
    needs: ['labels'],
    *broken(jobCase, { labels: { stored } }) {
      for (const [name, calls] of changesOf(jobCase)) {
        if (calls.some(({ ending }) => ending.kind === 'done') && !stored.includes(name))
          yield `${name} was taken and is not there`;
      }
    },
  }),
  'a change of labels is there because somebody asked for it, and was not refused': rule({
    kind: 'audit trail',
    promise: 'S6',
    needs: ['labels'],
    *broken(jobCase, { labels: { stored } }) {
      const changes = changesOf(jobCase);
      for (const name of stored) {
        const calls = changes.get(name) ?? [];
        const wasRefused = calls.every(({ ending }) => ending.kind === 'refused' && ending.status !== 500);
        if (wasRefused) yield `${name} is there and was ${calls.length > 0 ? 'refused' : 'never asked for'}`;
      }
    },
  }),
  'a job is listed with its labels': rule({
    kind: 'list',
    promise: 'L4',
    needs: ['labels', 'listed'],
    *broken(_case, { labels: { stored, listed }, listed: status }) {
      if (status !== null && listed.join() !== stored.join())
        yield `is listed with ${listed}, and has ${stored}`;
    },
  }),
  'a job is found by its external id, and no other is': rule({
    kind: 'list',
    promise: 'L4',
    needs: ['labels', 'listed'],
    *broken({ id }, { labels: { isNamed, found } }) {
      if (isNamed && found.join() !== id) yield `what is found under its name is ${found}`;
    },
  }),
};

/** The changes that were asked for, each under the name that it adds. */
const changesOf = ({ calls }: JobCase): Map<string, Call[]> =>
  Map.groupBy(
    calls.filter(({ operation }) => operation === 'label'),
    ({ request }) => request?.replace('label ', '') ?? '',
  );
