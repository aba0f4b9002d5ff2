// Before any test file that starts the service: all start the same bundle.
import { bundleOnce } from './process.ts';

export async function setup(): Promise<void> {
  await bundleOnce();
}
