// How large the Worker is, how long it takes to start, and how much memory jobs take that are awake.
import { gzipSync } from 'node:zlib';
import { bundle } from '../support/runtime/bundle.ts';
import { contestant, type Name } from './contestants.ts';

export interface BundleSize {
  rawBytes: number;
  gzipBytes: number;
}

/** As it would be uploaded. */
export function bundleSize(configPath: string): BundleSize {
  const code = Buffer.from(bundle(configPath));
  return { rawBytes: code.byteLength, gzipBytes: gzipSync(code, { level: 9 }).byteLength };
}

/** The runtime's resident memory before any job, and when so many have been prepared, all of them awake. */
export interface Memory {
  idleBytes: number;
  jobs: number;
  awakeBytes: number;
}

export interface Footprint {
  bundle: BundleSize;
  memory: Partial<Record<Name, Memory>>;
  /** From starting the runtime until its first answer, bundling left out, one time after the other. */
  startMs: Partial<Record<Name, number[]>>;
}

/** Starts the contestants that run on workerd so many times; one that cannot start is left out. */
export async function startTimes(
  names: readonly Name[],
  orchestratorUrl: string,
  times: number,
): Promise<Footprint['startMs']> {
  const startMs: Footprint['startMs'] = {};
  for (const name of names) {
    for (let start = 0; start < times; start += 1) {
      const running = await contestant(name).start(orchestratorUrl);
      if ('unavailable' in running) break;
      const [, ms] = /^started in (\d+) ms$/m.exec(running.child.output) ?? [];
      await running.child.stop();
      startMs[name] = [...(startMs[name] ?? []), Number(ms)];
    }
  }
  return startMs;
}
