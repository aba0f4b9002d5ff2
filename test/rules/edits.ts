// What people have corrected: each correction is there for good, once, with who made it; of two at once one wins; no pipeline
// of before has more to say; and nobody passes over one unless somebody has said so.
import type { AskedEdit, Call, CaseDispatch, Edit, JobCase } from './case.ts';
import { judged } from './checkpoints.ts';
import { isKeptBy, lineOf, standingEdits, type Version } from './flaws.ts';
import { nameOf } from './listed.ts';
import { rule } from './rule.ts';
import { givenTo, histories } from './versions.ts';

export const EDIT_RULES = {
  'an edit that was answered is kept, with who made it': rule({
    kind: 'lost',
    promise: 'S2',
    *broken(jobCase) {
      for (const { asked, version } of tellings(jobCase)) {
        const kept = jobCase.edits.find((edit) => nameOf(edit) === nameOf(version));
        if (!kept) yield `${nameOf(version)} was answered as made and is nowhere`;
        else if (contentOf(kept) !== contentOf(asked))
          yield `${nameOf(version)} is ${contentOf(kept)}, and asked was ${contentOf(asked)}`;
      }
    },
  }),
  'an edit request makes one version': rule({
    kind: 'doubled',
    promise: 'S3',
    *broken(jobCase) {
      const told = tellings(jobCase);
      for (const [request, answers] of Map.groupBy(told, ({ call }) => call.request)) {
        const made = new Set(answers.map(({ version }) => nameOf(version)));
        if (made.size > 1) yield `${request} made ${[...made].join(' and ')}`;
      }
      for (const [name, answers] of Map.groupBy(told, ({ version }) => nameOf(version))) {
        const news = answers.filter(({ replayed }) => !replayed);
        const requests = new Set(answers.map(({ call }) => call.request));
        if (news.length > 1 || requests.size > 1) yield `${name} was answered as new ${news.length} times`;
      }
    },
  }),
  'who repeats an edit is told of it': rule({
    kind: 'answer',
    promise: 'S5',
    *broken({ edits, calls }) {
      for (const call of calls) {
        const { request, edit, ending, sentAt } = call;
        if (edit === undefined || ending.kind !== 'refused' || ending.status !== 409) continue;
        const isSame = (other: Call) => other.edit && contentOf(other.edit) === contentOf(edit);
        // Only an earlier call of the same request can have made it: nobody else asked for the same, and none of its sender's comes late.
        const others = calls.filter((other) => other !== call && isSame(other));
        const isRepeat = others.every(
          (other) =>
            other.request === request && other.endedAt <= sentAt && other.ending.kind !== 'forgotten',
        );
        if (isRepeat && edits.some((made) => contentOf(made) === contentOf(edit)))
          yield `${request} was made, and was refused with ${ending.code}`;
      }
    },
  }),
  'no edit is there that nobody asked for': rule({
    kind: 'doubled',
    promise: 'S3',
    *broken({ edits, calls }) {
      const asked = Map.groupBy(
        calls.filter(({ edit }) => edit !== undefined),
        ({ edit }) => edit && contentOf(edit),
      );
      for (const [content, { length }] of Map.groupBy(edits, contentOf)) {
        const requests = new Set(asked.get(content)?.map(({ request }) => request));
        if (length > requests.size)
          yield `${content} is there ${length} times, and was asked for ${requests.size}`;
      }
    },
  }),
  'of edits of one version at once one wins': rule({
    kind: 'two at once',
    promise: 'S1',
    *broken({ edits }) {
      for (const [index, edit] of edits.entries()) {
        const before = edits[index - 1];
        const isSame = before && before.stage === edit.stage && before.edits === edit.edits;
        // Whatever was made between them may have brought that version back.
        if (isSame && before.after === edit.after)
          yield `${nameOf(before)} and ${nameOf(edit)} both correct version ${edit.edits}`;
      }
    },
  }),
  'no edit is of a file that is not there': rule({
    kind: 'checkpoint',
    promise: 'S9',
    *broken({ edits, absent = [] }) {
      for (const edit of edits) {
        if (absent.includes(edit.ref)) yield `${nameOf(edit)} is ${edit.ref}, and there is no such file`;
      }
    },
  }),
  'every edit is in the trail, with who made it': rule({
    kind: 'audit trail',
    promise: 'S6',
    *broken({ edits, trail }) {
      const [made, told] = [
        edits.map(({ actor }) => actor).sort(),
        trail.flatMap(({ type, actorId }) => (type === EDITED ? [actorId ?? 'nobody'] : [])).sort(),
      ];
      if (String(made) !== String(told)) yield `edits were made by ${made}, and the trail has ${told}`;
    },
  }),
  'an edit ends what earlier pipelines have to say': rule({
    kind: 'two at once',
    promise: 'S1',
    *broken(jobCase) {
      const { edits, reports, trail } = jobCase;
      const entries = trail.filter(({ type }) => type === EDITED);
      for (const [index, edit] of edits.entries()) {
        const isBefore = (dispatchId: string | null) => wasMadeBefore(dispatchId, edit, jobCase);
        const answered = tellings(jobCase).filter(({ version }) => nameOf(version) === nameOf(edit));
        const madeBy = Math.min(...answered.map(({ call }) => call.endedAt));
        for (const { dispatchId, status, answer, sentAfter } of reports) {
          if (answer === 'applied' && sentAfter > madeBy && isBefore(dispatchId))
            yield `${status} of ${dispatchId} was accepted after ${nameOf(edit)}, which is later`;
        }
        const seq = entries[index]?.seq ?? Infinity;
        for (const entry of trail) {
          if (entry.seq > seq && entry.actor !== 'editor' && isBefore(entry.dispatchId))
            yield `entry ${entry.seq} is of ${entry.dispatchId}, after ${nameOf(edit)}, which is later`;
        }
      }
    },
  }),
  'no pipeline passes over what a person has corrected unless it is told to': rule({
    kind: 'lost',
    promise: 'S9',
    *broken(jobCase) {
      const found = histories(jobCase);
      for (const dispatch of judged(jobCase)) {
        const ways = found.map((history) => passedOver(dispatch, history.get(dispatch.id) ?? []));
        const [passed] = ways;
        if (passed === undefined || ways.some(({ length }) => length === 0)) continue;
        yield `${dispatch.id} begins at ${dispatch.resumeFrom} ${dispatch.ref} and passes over ${passed.map(({ ref }) => ref)}`;
      }
    },
  }),
  'a plan says which edits are looked past': rule({
    kind: 'checkpoint',
    promise: 'S9',
    *broken(jobCase) {
      const found = histories(jobCase);
      for (const dispatch of judged(jobCase)) {
        if (dispatch.plan === null) continue;
        const said = String(dispatch.plan.discarded.map(({ stage }) => stage));
        const ways = new Set(
          found.map((history) => String(discardedBy(dispatch, history.get(dispatch.id) ?? []))),
        );
        if (!ways.has(said))
          yield `${dispatch.id} says that it looks past ${said}; it was ${[...ways].join(' or ')}`;
      }
    },
  }),
};

const EDITED = 'artifact_edited';

/** What makes two edits the same. */
const contentOf = ({ stage, ref, actor, edits }: AskedEdit): string =>
  `the ${stage} ${ref} for version ${edits} by ${actor}`;

interface Telling {
  call: Call;
  asked: AskedEdit;
  version: Pick<Edit, 'stage' | 'version'>;
  replayed: boolean;
}

/** Every answer that told of an edit as made, now or before. */
function tellings({ calls }: JobCase): Telling[] {
  return calls.flatMap((call) =>
    call.ending.kind === 'done' && call.ending.edit && call.edit
      ? [{ call, asked: call.edit, ...call.ending.edit }]
      : [],
  );
}

function wasMadeBefore(dispatchId: string | null, { after }: Edit, { dispatches }: JobCase): boolean {
  const indexOf = (id: string | null) => dispatches.findIndex((dispatch) => dispatch.id === id);
  return indexOf(dispatchId) >= 0 && indexOf(dispatchId) <= indexOf(after);
}

/** The edits that stand, that it was not told to look past, and that it begins before or without. An export makes nothing again. */
function passedOver(dispatch: CaseDispatch, versions: readonly Version[]): Version[] {
  const given = givenTo(dispatch, versions);
  return standingEdits(versions).filter((edit) => {
    if (dispatch.plan?.discards.includes(edit.stage)) return false;
    if (dispatch.kind === 'export' && edit.stage !== 'draft') return false;
    return !(given && isKeptBy(given, edit, versions));
  });
}

/** The stages of those that stand, that it was told to look past, and that it does without. */
function discardedBy(dispatch: CaseDispatch, versions: readonly Version[]): string[] {
  const line = lineOf(givenTo(dispatch, versions));
  return standingEdits(versions).flatMap((edit) =>
    dispatch.plan?.discards.includes(edit.stage) && !line.includes(edit) ? [edit.stage] : [],
  );
}
