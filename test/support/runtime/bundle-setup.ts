// Before any test file that starts the service: all start the same bundle, and a new one after a change that is watched for.
import type { TestProject } from 'vitest/node';
import { bundled, bundleService } from './process.ts';

export default async function setup(project: TestProject): Promise<void> {
  await bundled();
  project.onTestsRerun(async () => {
    await bundleService();
  });
}
