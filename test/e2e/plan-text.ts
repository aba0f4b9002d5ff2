// A retry plan in the words of a person who has to decide: what is kept, what is made again, by which model and why, how long it
// may take, and what was looked at and passed over.
import { styleText } from 'node:util';
import type { Reply } from '../support/editor.ts';

type Words = Record<string, string>;
const WHY_KEPT: Words = {
  resume_point: 'it goes on from here',
  before_resume_point: 'nothing before that is done again',
};
const WHY_NOT: Words = {
  incomplete: 'was never finished',
  missing: 'has lost its file',
  changed: 'has another file now',
  engine_differs: 'is by another model',
  older_than_edit: 'is of the text before a correction',
  edit_discarded: 'rests on a correction that may go',
};
const WHY_MADE: Words = {
  never_made: 'there is none yet',
  asked: 'she wants it again',
  ...Object.fromEntries(Object.entries(WHY_NOT).map(([reason, why]) => [reason, `the newest ${why}`])),
};

/** Of each stage the version that is kept, or the model that makes it again. */
export const inShort = ({ body: { stages } }: Reply): unknown[] =>
  stages.map(({ action, version, engine }: Reply['body']) => (action === 'keep' ? version : engine));

/** One line a stage, and one for each version that was passed over. */
export function planLines({ stages, passed_over, resume, estimate_seconds }: Reply['body']): string[] {
  const checked = resume?.proof?.state === 'verified' ? ', its file was checked' : '';
  return [
    ...stages.map(({ stage, action, version, engine, reason }: Reply['body']) => {
      const what = action === 'keep' ? `keep version ${version}` : `make${engine ? ` with ${engine}` : ''}`;
      const seconds = estimate_seconds[stage];
      const why = [
        action === 'redo' ? WHY_MADE[reason] : WHY_KEPT[reason],
        ...(seconds === undefined ? [] : [`about ${seconds.toFixed(1)} s, as last time`]),
      ];
      const colour = action === 'keep' ? 'green' : 'yellow';
      const proof = reason === 'resume_point' ? checked : '';
      return `${stage.padEnd(10)}  ${styleText(colour, what.padEnd(27))}  ${why.join('; ')}${proof}`;
    }),
    ...passed_over.map(
      ({ stage, version, reason }: Reply['body']) => `passed over: ${stage} ${version} ${WHY_NOT[reason]}`,
    ),
  ];
}
