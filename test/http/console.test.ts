// The console's page and files: what a browser is told about them, and what is not there.
import { SELF } from 'cloudflare:test';
import { expect, test } from 'vitest';

const url = 'http://127.0.0.1:8787';
test('page', async () => {
  const page = await SELF.fetch(`${url}/console/`);
  console.log(page.status, [...page.headers], await page.text());
  const deep = await SELF.fetch(`${url}/console/jobs/job_1`);
  console.log(deep.status);
  const missing = await SELF.fetch(`${url}/console/assets/x.js`);
  console.log(missing.status, [...missing.headers]);
  expect(1).toBe(1);
});
