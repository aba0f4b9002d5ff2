// npm run bench -- --finding: what it takes to find jobs in projects of three sizes, by each filter: the time of an answer through
// the local runtime, and the rows that the project reads for it.
import { fileURLToPath } from 'node:url';
import { EVERY_JOB, type JobFilter } from '../../src/domain/job-filter.ts';
import { bundledWorker } from '../support/runtime/bundle.ts';
import { startRuntime } from '../support/runtime/runtime.ts';
import { freePort } from '../support/service.ts';
import type { Asked, Told } from './finding/asked.ts';
import { median } from './statistics.ts';

const SIZES = [1_000, 10_000, 100_000];
const TURNS = 15;
const LIMIT = 50;

const page = (filter: Partial<JobFilter>): Asked => ({
  ...{ what: 'page', filter: { ...EVERY_JOB, ...filter }, limit: LIMIT },
});
const asked = (what: Asked['what'], filter: Partial<JobFilter> = {}): Asked => ({ ...page(filter), what });

const QUESTIONS: Readonly<Record<string, Asked>> = {
  'a call, and nothing asked': asked('nothing'),
  'no filter': page({}),
  'status=FAILED': page({ statuses: ['FAILED'] }),
  'status=FAILED,DONE': page({ statuses: ['FAILED', 'DONE'] }),
  external_id: page({ externalId: 'talk-500' }),
  'tag, of one in a thousand': page({ tag: 'urgent' }),
  'failure_class, of every failed one': page({ failureClass: 'transient' }),
  'failure_class, of one failed in a hundred': page({ failureClass: 'quota' }),
  'failure_code, of none': page({ failureCode: 'UNHEARD_OF' }),
  'model_profile, of nearly all': page({ modelProfile: 'balanced' }),
  'model_profile, of one in a thousand': page({ modelProfile: 'late' }),
  'model_profile, of none': page({ modelProfile: 'nobody' }),
  'updated_before, nobody': page({ updatedBefore: 0 }),
  'tag and status=FAILED, of none': page({ tag: 'urgent', statuses: ['FAILED'] }),
  'all that match: status=FAILED': asked('matching', { statuses: ['FAILED'] }),
  'all that match: model_profile': asked('matching', { modelProfile: 'late' }),
  'counts, the first time after waking': asked('counts, first'),
  'counts, from then on': asked('counts'),
};

interface Figure extends Told {
  jobs: number;
  ms: number;
}

/** Prints a table of every question, asked of projects of each size in turns. */
export async function finding(progress: (text: string) => void): Promise<void> {
  const configPath = fileURLToPath(new URL('finding/wrangler.toml', import.meta.url));
  const runtime = await startRuntime({
    worker: bundledWorker(configPath),
    port: await freePort(),
    vars: {},
    evicts: false,
  });
  const post = async <T>(jobs: number, body: object): Promise<T> => {
    const response = await fetch(`${runtime.url}/${jobs}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${jobs} jobs → ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  try {
    for (const jobs of SIZES) {
      await post(jobs, { fill: jobs });
      progress(`a project of ${jobs} jobs`);
    }
    const lines: string[] = [];
    for (const [name, question] of Object.entries(QUESTIONS)) {
      const figures: Figure[] = [];
      const times = SIZES.map((): number[] => []);
      for (let turn = 0; turn <= TURNS; turn += 1) {
        for (const [index, jobs] of SIZES.entries()) {
          const startedAt = performance.now();
          const told = await post<Told>(jobs, question);
          // The first is unmeasured.
          if (turn > 0) times[index]?.push(performance.now() - startedAt);
          if (turn === TURNS) figures.push({ jobs, ms: median(times[index] ?? []), ...told });
        }
      }
      lines.push(`| ${name} | ${figures.map(inWords).join(' | ')} |`);
      progress(name);
    }
    const heads = SIZES.map((jobs) => `${jobs.toLocaleString('en')} jobs`);
    console.log(
      `| | ${heads.join(' | ')} |\n| --- |${SIZES.map(() => ' --: |').join('')}\n${lines.join('\n')}`,
    );
  } finally {
    await runtime.stop();
  }
}

const inWords = ({ found, rowsRead, ms }: Figure): string =>
  `${rowsRead.toLocaleString('en')} rows, ${ms.toFixed(1)} ms, ${found.toLocaleString('en')} found`;
