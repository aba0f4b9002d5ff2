// Planted: corrections that are lost, doubled, unexplained or passed over. And what is no violation.
import { describe, expect, test } from 'vitest';
import {
  AGAIN,
  CORRECTED,
  corrected,
  EXPORT,
  edit,
  editCall,
  find,
  listedEdit,
  REDO,
  SECOND_DRAFT,
} from './corrected.ts';
import { EDIT_RULES } from './edits.ts';
import {
  AUDIO,
  brokenBy,
  call,
  DRAFT,
  entry,
  findsPlanted,
  type Plant,
  RETRY,
  refused,
  report,
} from './kept.ts';

/** The same request as made the correction, and refused. */
const conflict = (seconds: number) => ({
  ...editCall(edit(), seconds),
  ending: refused(409, 'ARTIFACT_VERSION_CONFLICT'),
});

findsPlanted(EDIT_RULES, {
  'an edit that was answered is kept, with who made it': {
    'an edit that is nowhere': corrected(({ edits }) => {
      edits.pop();
    }),
    'an edit that is somebody else’s': corrected(({ edits }) => {
      for (const made of edits) made.actor = 'alice';
    }),
    'an edit of another reference than was named': corrected(({ edits }) => {
      for (const made of edits) made.ref = 's3://other';
    }),
  },
  'an edit request makes one version': {
    'a repeat that is answered with another version': corrected(({ calls, edits }) => {
      const doubled = edit({ version: 3 });
      edits.push(doubled);
      calls.push(editCall(doubled, 47));
    }),
    'a repeat that is answered as new': corrected(({ calls }) => {
      calls.push(editCall(edit(), 47));
    }),
    'another request that is answered with it': corrected(({ calls }) => {
      calls.push(editCall(edit(), 47, true, 'edit 2'));
    }),
  },
  'who repeats an edit is told of it': {
    'a repeat that is refused as if something else had come between': corrected(({ calls }) => {
      calls.push(conflict(47));
    }),
  },
  'no edit is there that nobody asked for': {
    'a second one of a request whose answer was lost': corrected(({ edits }) => {
      edits.push(edit({ version: 3 }));
    }),
  },
  'of edits of one version at once one wins': {
    'two editors who both correct the first version': corrected(({ edits }) => {
      edits.push(edit({ version: 3, ref: 's3://artifacts/other', actor: 'carol' }));
    }),
  },
  'no edit is of a file that is not there': {
    'an edit of nothing': corrected(({ absent }) => {
      absent.push(CORRECTED);
    }),
  },
  'every edit is in the trail, with who made it': {
    'an edit that the trail does not have': corrected(({ trail }) => {
      trail.splice(
        trail.findIndex(({ type }) => type === 'artifact_edited'),
        1,
      );
    }),
    'an edit that is another’s in the trail': corrected(({ trail }) => {
      for (const told of trail) if (told.type === 'artifact_edited') told.actorId = 'alice';
    }),
  },
  'an edit ends what earlier pipelines have to say': {
    'a report of a settled pipeline that was accepted after it': corrected(({ reports }) => {
      reports.push(report(RETRY, 'EDITING', 48));
    }),
    'an entry of a settled pipeline after it': corrected(({ trail }) => {
      const at = trail.findIndex(({ type }) => type === 'artifact_edited');
      trail.splice(at + 1, 0, { ...entry('orchestrator', 'DRAFT_READY', 'EDITING', RETRY), seq: 10.5 });
    }),
  },
  'no pipeline passes over what a person has corrected unless it is told to': {
    'a redo from the transcript of before': corrected((kept) => {
      Object.assign(find(kept, REDO), { ref: 's3://artifacts/transcript' });
    }),
    'a redo that makes the corrected transcript again': corrected((kept) => {
      Object.assign(find(kept, REDO), { resumeFrom: 'AUDIO_READY', ref: AUDIO });
    }),
    'an export of another draft than the corrected one': corrected((kept) => {
      kept.edits.push(edit({ stage: 'draft', version: 3, ref: 's3://mine', edits: 2, after: REDO }));
    }),
  },
  'a plan says which edits are looked past': {
    'an edit that is kept, and is said to be looked past': corrected((kept) => {
      const { plan } = find(kept, REDO);
      if (plan) plan.discarded = [{ stage: 'transcript', version: 2 }];
    }),
    'an edit that is looked past, of which nothing is said': corrected((kept) => {
      const { plan } = Object.assign(find(kept, REDO), { resumeFrom: 'AUDIO_READY', ref: AUDIO });
      if (plan) plan.discards = ['transcript'];
    }),
  },
});

describe('no violation is', () => {
  const RULES = Object.keys(EDIT_RULES);
  test.each<[string, Plant]>([
    ['a correction, a redo from it, and an export', corrected()],
    [
      'a redo that was told to look past the correction',
      corrected((kept) => {
        const { plan } = Object.assign(find(kept, REDO), { resumeFrom: 'AUDIO_READY', ref: AUDIO });
        if (plan)
          Object.assign(plan, { discards: ['transcript'], discarded: [{ stage: 'transcript', version: 2 }] });
        kept.dispatches.splice(-2);
      }),
    ],
    [
      'a draft that somebody corrected after the transcript, kept although it was made from the other',
      corrected((kept) => {
        kept.edits.push(edit({ stage: 'draft', version: 2, ref: SECOND_DRAFT, edits: 1 }));
        kept.calls.push(
          editCall(edit({ stage: 'draft', version: 2, ref: SECOND_DRAFT, edits: 1 }), 47, false, 'edit 2'),
        );
        for (const told of kept.trail.filter(({ type }) => type === 'artifact_edited')) kept.trail.push(told);
        kept.dispatches.splice(-3, 1);
      }),
    ],
    [
      'two corrections of one version, of which a pipeline has brought that back meanwhile',
      corrected(({ edits, calls, trail }) => {
        const again = edit({ version: 3, ref: 's3://again', after: AGAIN });
        edits.push(again);
        calls.push(editCall(again, 80, false, 'edit 2'));
        for (const told of trail.filter(({ type }) => type === 'artifact_edited'))
          trail.push({ ...told, seq: 99 });
      }),
    ],
    [
      'a correction that lost',
      corrected(({ calls }) => {
        const { version: _version, after: _after, ...asked } = edit({ ref: 's3://lost', actor: 'carol' });
        calls.push(
          call('edit', 45, refused(409, 'ARTIFACT_VERSION_CONFLICT'), { request: 'edit 2', edit: asked }),
        );
      }),
    ],
    [
      'a correction that was refused while an earlier call of its request was under way',
      corrected(({ calls }) => {
        calls.push(conflict(44));
      }),
    ],
    [
      'a correction that was refused since another request had made the same',
      corrected(({ calls }) => {
        calls.push({ ...conflict(47), request: 'edit 2' });
      }),
    ],
    [
      'a correction that was refused, and whose earlier call may have come late, since its sender forgot it',
      corrected(({ calls }) => {
        const [earlier, ...repeats] = calls.filter(({ operation }) => operation === 'edit');
        for (const repeat of repeats) calls.splice(calls.indexOf(repeat), 1);
        Object.assign(earlier ?? {}, { ending: { kind: 'forgotten' } });
        calls.push(conflict(47));
      }),
    ],
    [
      'a redo that the orchestrator refused, whatever it was to begin with',
      corrected((kept) => {
        Object.assign(find(kept, REDO), { state: 'UNDELIVERABLE', resumeFrom: 'AUDIO_READY', ref: AUDIO });
        Object.assign(find(kept, EXPORT), { ref: DRAFT });
        Object.assign(find(kept, AGAIN), { ref: DRAFT });
        kept.reports.splice(-6, 2);
        kept.dispatches.splice(-1);
      }),
    ],
  ])('%s', (_, plant) => {
    expect(brokenBy(plant).filter((name) => RULES.includes(name))).toEqual([]);
  });
});

test('a listed correction says who made it and of what', () => {
  expect(listedEdit(edit())).toMatchObject({
    stage: 'transcript',
    version: 2,
    maker: { actor: 'bob', edits: 1 },
  });
});
