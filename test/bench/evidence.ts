// What it costs a retry to ask the store of artifacts: jobs whose checkpoint lies in the local bucket, and as many whose
// checkpoint lies elsewhere, so that nobody is asked. Both are retried by one runtime, in turns.
import { STORED_ARTIFACT } from './artifact.ts';
import { contestant } from './contestants.ts';
import type { OrchestratorEvents } from './orchestrator-events.ts';
import { type Sample, sample } from './samples.ts';
import { type Spread, spread } from './statistics.ts';
import { type BenchJob, Session, sizesFor } from './workloads.ts';

/** Of one concurrency, W1 of both kinds, turn by turn. */
export interface EvidenceCost {
  concurrency: number;
  turns: { unasked: Sample; asked: Sample }[];
}

/** Retries `count` jobs of each kind at 32, and a quarter of them one by one, in each of so many turns. */
export async function evidenceCosts(
  orchestrator: OrchestratorEvents,
  count: number,
  turns: number,
): Promise<EvidenceCost[]> {
  const running = await contestant('retake').start(orchestrator.url, 'stores');
  if ('unavailable' in running) throw new Error(running.unavailable);
  const session = new Session(running, orchestrator, sizesFor(count));
  const costs = [32, 1].map((concurrency): EvidenceCost => ({ concurrency, turns: [] }));
  try {
    const unasked = [...(await session.prepare())];
    const asked = await session.createdJobs(count);
    await session.report('AUDIO_EXTRACTING', asked);
    await session.report('AUDIO_READY', asked, 32, STORED_ARTIFACT);
    await session.report('FAILED', asked);
    const retry = async (jobs: BenchJob[], request: string, concurrency: number): Promise<Sample> => {
      const these = jobs.slice(0, concurrency === 1 ? Math.ceil(count / 4) : count);
      const load = await session.deliveredRetry(these, request, concurrency);
      await session.report('FAILED', these);
      return sample('W1', concurrency, load);
    };
    // Unmeasured: nobody has been asked so far.
    for (const { concurrency } of costs) {
      for (const jobs of [unasked, asked]) await retry(jobs, `warm-up-${concurrency}`, concurrency);
    }
    for (let turn = 0; turn < turns; turn += 1) {
      for (const { concurrency, turns: measured } of costs) {
        const ask = (jobs: BenchJob[]) => retry(jobs, `turn-${turn}-${concurrency}`, concurrency);
        // Neither kind is always the first.
        const before = turn % 2 === 0 ? await ask(unasked) : null;
        const withStore = await ask(asked);
        measured.push({ unasked: before ?? (await ask(unasked)), asked: withStore });
      }
    }
    await session.deliveredRetry([...unasked.slice(0, 1), ...asked.slice(0, 1)], 'proof');
    await expectProof(session, unasked.slice(0, 1), 'unverified');
    await expectProof(session, asked.slice(0, 1), 'verified');
  } finally {
    await session.close();
    await running.child.stop();
  }
  return costs;
}

/** Throws where a retry has not learnt of its checkpoint what it is measured for. */
async function expectProof(session: Session, jobs: BenchJob[], expected: string): Promise<void> {
  for (const { body } of (await session.read(jobs, 1)).answers) {
    const state: unknown = JSON.parse(body).open_dispatch?.plan?.proof?.state;
    if (state !== expected) throw new Error(`a retry’s checkpoint is ${state}, not ${expected}`);
  }
}

export interface EvidenceFigure {
  unasked: { perSecond: Spread; p50Ms: Spread };
  asked: { perSecond: Spread; p50Ms: Spread };
  /** Asked against unasked, turn by turn. */
  ratio: { perSecond: Spread; p50Ms: Spread };
}

export function evidenceFigure({ turns }: EvidenceCost): EvidenceFigure {
  const both = (value: (turn: EvidenceCost['turns'][number], unit: 'perSecond' | 'p50Ms') => number) => ({
    perSecond: spread(turns.map((turn) => value(turn, 'perSecond'))),
    p50Ms: spread(turns.map((turn) => value(turn, 'p50Ms'))),
  });
  return {
    unasked: both(({ unasked }, unit) => unasked[unit]),
    asked: both(({ asked }, unit) => asked[unit]),
    ratio: both(({ asked, unasked }, unit) => asked[unit] / unasked[unit]),
  };
}
