// What pipelines left of each stage, put together once more from their reports, the trail and the dispatches: which versions
// there were when a dispatch was made, what each was made from, and what speaks against resuming from it.
import type { CaseDispatch, JobCase, Report } from './case.ts';
import { FURTHEST_FIRST, hasPassed, isAtOrPast } from './protocol.ts';
import { wasTaken } from './reports.ts';
import { entryKey, reportKey } from './trail.ts';

/** The stages by name, and the checkpoint of each. */
export const CHECKPOINT_OF: Readonly<Record<string, string>> = {
  audio: 'AUDIO_READY',
  transcript: 'TRANSCRIPT_READY',
  draft: 'DRAFT_READY',
};
const PATH = FURTHEST_FIRST.toReversed();
/** More reports than this whose fate nobody knows are not told apart. */
const MOST_UNSURE = 6;

export interface Version {
  checkpoint: string;
  ref: string;
  maker: CaseDispatch;
  /** The version of the stage before. */
  from: Version | null;
  isComplete: boolean;
}

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
  { dispatches, trail, reports }: JobCase,
  applies: (report: Report) => boolean,
): ReadonlyMap<string, readonly Version[]> {
  const versions: Version[] = [];
  const found = new Map<string, readonly Version[]>();
  for (const maker of dispatches) {
    found.set(
      maker.id,
      versions.map((version) => ({ ...version })),
    );
    const given = lineOf(givenTo(maker, versions));
    const seen = new Set<string>();
    let at = maker.resumeFrom ?? 'UPLOADED';
    for (const report of reports) {
      if (report.dispatchId !== maker.id || seen.has(report.eventId) || !applies(report)) continue;
      if (!isTheOne(report, reports)) continue;
      seen.add(report.eventId);
      // A failure leaves the pipeline where it was, or where it says that it was.
      const entry = trail.find((one) => entryKey(one) === reportKey(report));
      if (entry && entry.from !== 'FAILED') at = entry.from;
      const reached = report.status === 'FAILED' ? [at, report.failedStage ?? ''] : [report.status];
      for (const checkpoint of PATH) {
        const ref = report.artifacts[checkpoint];
        if (ref !== undefined && isNew(ref, checkpoint, maker, versions, given)) {
          const before = PATH[PATH.indexOf(checkpoint) - 1];
          const own = versions.findLast((one) => one.checkpoint === before && one.maker === maker);
          const from = own ?? given.find((one) => one.checkpoint === before) ?? null;
          versions.push({ checkpoint, ref, maker, from, isComplete: false });
        }
        const last = versions.findLast((version) => version.checkpoint === checkpoint);
        if (last?.maker === maker && reached.some((place) => hasPassed(place, checkpoint)))
          last.isComplete = true;
      }
      if (report.status !== 'FAILED') at = report.status;
    }
  }
  return found;
}

/** What it was to resume from: what has been overwritten is never that, so its reference says which. */
export const givenTo = ({ resumeFrom, ref }: CaseDispatch, versions: readonly Version[]): Version | null =>
  versions.findLast((version) => version.checkpoint === resumeFrom && version.ref === ref) ?? null;

/** A version, what it was made from, and so on. */
export function lineOf(version: Version | null): Version[] {
  return version ? [version, ...lineOf(version.from)] : [];
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
  const isOwn = (version: Version) => version.maker === maker;
  const isBehind = isAtOrPast(maker.resumeFrom ?? 'UPLOADED', checkpoint);
  if (newest?.ref === ref) return !isOwn(newest) && !isBehind;
  return ofStage.some(isOwn) || !given.some((one) => one.checkpoint === checkpoint && one.ref === ref);
}

/** Why, whatever the store says, this one is not resumed from under these engines; null when it may be. */
export function flawOf(
  version: Version,
  versions: readonly Version[],
  engines: CaseDispatch['engines'],
): 'incomplete' | 'changed' | 'engine_differs' | null {
  if (!version.isComplete) return 'incomplete';
  const later = versions.slice(versions.indexOf(version) + 1);
  if (later.some(({ ref }) => ref === version.ref)) return 'changed';
  const line = lineOf(version);
  for (const [stage, engine] of Object.entries(engines)) {
    const checkpoint = CHECKPOINT_OF[stage] ?? '';
    if (!isAtOrPast(version.checkpoint, checkpoint)) continue;
    const maker = line.find((one) => one.checkpoint === checkpoint)?.maker;
    if (maker?.engines[stage] !== engine) return 'engine_differs';
  }
  return null;
}

/** Of several attempts with one report: which may have been the one that was applied. One that was refused overtook its predecessor. */
function isTheOne(report: Report, reports: readonly Report[]): boolean {
  if (report.answer === 'applied') return true;
  const others = reports.filter((other) => reportKey(other) === reportKey(report));
  return report.answer !== 'refused' && !others.some(({ answer }) => answer === 'applied');
}

const isOnTrail = (report: Report, { trail }: JobCase): boolean =>
  trail.some((entry) => entryKey(entry) === reportKey(report));

const isTaken = (report: Report, jobCase: JobCase): boolean =>
  wasTaken(report.answer) || isOnTrail(report, jobCase);

/** Its answer was lost, and no entry says whether it was taken: a sign of life leaves none. */
const isUnsure = (report: Report, jobCase: JobCase): boolean =>
  report.answer !== 'refused' &&
  !jobCase.reports.some((other) => reportKey(other) === reportKey(report) && isTaken(other, jobCase));
