// How large the Worker is, how long it takes to start, and how much memory jobs take that are awake.
import { gzipSync } from 'node:zlib';
import { bundle } from './runtime.ts';

export interface BundleSize {
  rawBytes: number;
  gzipBytes: number;
}

/** As it would be uploaded. */
export function bundleSize(configPath: string): BundleSize {
  const code = Buffer.from(bundle(configPath));
  return { rawBytes: code.byteLength, gzipBytes: gzipSync(code, { level: 9 }).byteLength };
}

export interface Footprint {
  bundle: BundleSize;
  /** The runtime's resident memory before any job, and with so many awake. */
  idleBytes: number;
  jobsAwake: number;
  awakeBytes: number;
  /** From starting the runtime until its first answer, bundling left out; Retake and floor A. */
  startMs: { retake: number; hello: number };
}
