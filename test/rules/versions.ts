// What pipelines and people left of each stage, put together once more from reports, edits, the trail and the dispatches: which
// versions there were when a dispatch was made, and what each was made from.
import type { CaseDispatch, Edit, JobCase, Report } from './case.ts';
import { CHECKPOINT_OF, lineOf, STAGES, type Version } from './flaws.ts';
import { FURTHEST_FIRST, hasPassed, isAtOrPast } from './protocol.ts';
import { entryKey, mayHaveApplied, reportKey, wasTaken } from './reports.ts';

const PATH = FURTHEST_FIRST.toReversed();
/** More reports than this whose fate nobody knows are not told apart. */
const MOST_UNSURE = 6;

/** What each dispatch found when it was made, in each of the ways in which it may have been. */
export function histories(jobCase: JobCase): ReadonlyMap<string, readonly Version[]>[] {
  const brings = ({ artifacts }: Report) => Object.keys(artifacts).length > 0;
  const unsure = jobCase.reports.filter((report) => brings(report) && isUnsure(report, jobCase));
  const some = [...new Set(unsure.map(reportKey))].slice(-MOST_UNSURE);
  return Array.from({ length: 2 ** some.length }, (_, choice) =>
    historyWhere(jobCase, (report) => {
      const nth = some.indexOf(reportKey(report));
      return nth < 0 ? isTaken(report, jobCase) : ((choice >> nth) & 1) === 1;
    }),
  );
}

function historyWhere(
  { dispatches, trail, reports, edits }: JobCase,
  applies: (report: Report) => boolean,
): ReadonlyMap<string, readonly Version[]> {
  const versions: Version[] = [];
  const found = new Map<string, readonly Version[]>();
  for (const maker of dispatches) {
    found.set(maker.id, asTheyAre(versions));
    const given = lineOf(givenTo(maker, versions));
    const seen = new Set<string>();
    let at = maker.resumeFrom ?? 'UPLOADED';
    for (const report of reports) {
      if (report.dispatchId !== maker.id || seen.has(report.eventId) || !applies(report)) continue;
      if (!isTheOne(report, reports)) continue;
      seen.add(report.eventId);
      // A failure leaves the pipeline where it was, or where it says that it was.
      const entry = trail.find((one) => entryKey(one) === reportKey(report));
      // Until something is heard of it, it is where it begins, wherever the job rests.
      if (entry && entry.from !== 'FAILED' && seen.size > 1) at = entry.from;
      const reached = report.status === 'FAILED' ? [at, report.failedStage ?? ''] : [report.status];
      for (const checkpoint of PATH) {
        const ref = report.artifacts[checkpoint];
        if (ref !== undefined && isNew(ref, checkpoint, maker, versions, given)) {
          const before = PATH[PATH.indexOf(checkpoint) - 1];
          const own = versions.findLast((one) => one.checkpoint === before && one.maker === maker.id);
          const from = own ?? given.find((one) => one.checkpoint === before) ?? null;
          versions.push(made(checkpoint, ref, maker, from));
        }
        const last = versions.findLast((version) => version.checkpoint === checkpoint);
        if (last?.maker === maker.id && reached.some((place) => hasPassed(place, checkpoint)))
          last.isComplete = true;
      }
      if (report.status !== 'FAILED') at = report.status;
    }
    for (const edit of edits.filter(({ after }) => after === maker.id))
      versions.push(corrected(edit, versions));
  }
  return found;
}

/** What it was to resume from: what has been overwritten is never that, so its reference says which. */
export const givenTo = ({ resumeFrom, ref }: CaseDispatch, versions: readonly Version[]): Version | null =>
  versions.findLast((version) => version.checkpoint === resumeFrom && version.ref === ref) ?? null;

function made(checkpoint: string, ref: string, maker: CaseDispatch, from: Version | null): Version {
  const stage = STAGES.find((name) => CHECKPOINT_OF[name] === checkpoint) ?? '';
  const looksPast = maker.plan?.discarded.map((edit) => edit.stage) ?? [];
  const engine = maker.engines[stage] ?? null;
  return { stage, checkpoint, ref, maker: maker.id, engine, looksPast, from, isComplete: false };
}

/** Made from what the version was made from that it is a correction of. */
function corrected({ stage, ref, edits }: Edit, versions: readonly Version[]): Version {
  const before = versions.filter((version) => version.stage === stage)[edits - 1];
  return {
    ...{ stage, checkpoint: CHECKPOINT_OF[stage] ?? '', ref, maker: null, engine: null, looksPast: [] },
    ...{ from: before?.from ?? null, isComplete: true },
  };
}

/** What happens to them later does not show. */
function asTheyAre(versions: readonly Version[]): Version[] {
  const copies = new Map<Version, Version>();
  for (const version of versions) {
    const from = version.from && (copies.get(version.from) ?? version.from);
    copies.set(version, { ...version, from });
  }
  return [...copies.values()];
}

function isNew(
  ref: string,
  checkpoint: string,
  maker: CaseDispatch,
  versions: readonly Version[],
  given: readonly Version[],
): boolean {
  const ofStage = versions.filter((version) => version.checkpoint === checkpoint);
  const newest = ofStage.at(-1);
  const isOwn = (version: Version) => version.maker === maker.id;
  const isBehind = isAtOrPast(maker.resumeFrom ?? 'UPLOADED', checkpoint);
  if (newest?.ref === ref) return !isOwn(newest) && !isBehind;
  return ofStage.some(isOwn) || !given.some((one) => one.checkpoint === checkpoint && one.ref === ref);
}

/** Of several attempts with one report: which may have been the one that was applied. One that was refused overtook its predecessor. */
function isTheOne(report: Report, reports: readonly Report[]): boolean {
  if (report.answer === 'applied') return true;
  const others = reports.filter((other) => reportKey(other) === reportKey(report));
  return mayHaveApplied(report.answer) && !others.some(({ answer }) => answer === 'applied');
}

const isOnTrail = (report: Report, { trail }: JobCase): boolean =>
  trail.some((entry) => entryKey(entry) === reportKey(report));

const isTaken = (report: Report, jobCase: JobCase): boolean =>
  wasTaken(report.answer) || isOnTrail(report, jobCase);

/** Its answer was lost, and no entry says whether it was taken: a sign of life leaves none. */
const isUnsure = (report: Report, jobCase: JobCase): boolean =>
  mayHaveApplied(report.answer) &&
  !jobCase.reports.some((other) => reportKey(other) === reportKey(report) && isTaken(other, jobCase));
