// What happens, as it happens: over a WebSocket, as server-sent events, and as JSON at once.
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { failedAfter, jobAt, uploadedJob } from '../support/workerd/acting.ts';
import { call } from '../support/workerd/harness.ts';
import { watch } from '../support/workerd/viewing.ts';

test('probe', async () => {
  const { job, pipeline } = await jobAt('AUDIO_READY');
  const viewer = await watch(`/jobs/${job.id}/events?after=0`, job);
  await viewer.until(({ seqs }) => seqs.length >= 3);
  console.log(JSON.stringify(viewer.messages));
  await pipeline.report('TRANSCRIBING');
  await viewer.until(({ seqs }) => seqs.length >= 4);
  viewer.socket.send('ping');
  await viewer.until(({ pongs }) => pongs >= 1);
  await evictDurableObject(job.stub);
  await pipeline.report('TRANSCRIPT_READY');
  await viewer.until(({ seqs }) => seqs.length >= 5);
  await runInDurableObject(job.stub, (_a, state) => {
    const [s] = state.getWebSockets();
    console.log(
      'buffered',
      s?.bufferedAmount,
      s?.readyState,
      JSON.stringify(s?.deserializeAttachment()),
      state.getWebSocketAutoResponseTimestamp(s as WebSocket),
    );
    for (let i = 0; i < 10; i += 1) s?.send(JSON.stringify(['x'.repeat(100000)]));
    console.log('buffered', s?.bufferedAmount);
  });
  viewer.socket.send('hello');
  console.log(await viewer.end());
  console.log(
    viewer.seqs,
    viewer.messages.length,
    (await call('GET', `/jobs/${job.id}/events?after=3`, job)).text,
  );
});
