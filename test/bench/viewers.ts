// What viewers cost a pipeline: reports to a job that nobody looks at, and to one that a hundred look at, of whom one reads
// nothing. Both jobs are on one runtime, and are told in turns.
import { connect } from 'node:net';
import { editorToken } from '../support/editor-token.ts';
import { bySocket, type Connection } from '../support/watching.ts';
import { contestant } from './contestants.ts';
import { OrchestratorEvents } from './orchestrator-events.ts';
import { type Spread, spread } from './statistics.ts';
import { type BenchJob, Session, sizesFor } from './workloads.ts';

const VIEWERS = 100;
const REPORTS = 500;
const TURNS = 5;

/** Prints reports per second, one after the other, as median and range of the turns. */
export async function viewers(print: (line: string) => void): Promise<void> {
  const orchestrator = await OrchestratorEvents.start();
  const running = await contestant('retake').start(orchestrator.url);
  if ('unavailable' in running) throw new Error(running.unavailable);
  const session = new Session(running, orchestrator, sizesFor(2));
  const connections: Connection[] = [];
  try {
    const jobs = await session.prepare();
    const [alone, watched] = jobs as [BenchJob, BenchJob];
    await session.deliveredRetry([alone, watched], 'viewed');
    const token = await editorToken({ sub: 'bench' });
    const path = `/jobs/${watched.id}/events`;
    let told = 0;
    const opened = Array.from({ length: VIEWERS - 1 }, () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const onRecord = () => {
        told += 1;
        resolve();
      };
      connections.push(bySocket({ url: running.url, path, token }, { onRecord }));
      return promise;
    });
    await Promise.all(opened);
    connections.push(deaf(running.url, path, token));
    const reportsPerSecond = async (job: BenchJob): Promise<number> => {
      const { seconds } = await session.report('TRANSCRIBING', Array(REPORTS).fill(job), 1);
      return REPORTS / seconds;
    };
    for (const job of [alone, watched]) await reportsPerSecond(job);
    told = 0;
    const rates: [number[], number[]] = [[], []];
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const side of turn % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        rates[side].push(await reportsPerSecond(side === 0 ? alone : watched));
      }
    }
    print(`reports per second, one after the other, of a job without viewers: ${said(spread(rates[0]))}`);
    print(`with ${VIEWERS} viewers, of whom one reads nothing:               ${said(spread(rates[1]))}`);
    print(`the others were sent ${told} records by ${TURNS * REPORTS} reports`);
  } finally {
    for (const connection of connections) connection.leave();
    await session.close();
    await running.child.stop();
    await orchestrator.child.stop();
  }
}

/** One that has asked for a socket, and never reads from it. */
function deaf(url: string, path: string, token: string): Connection {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.pause();
  socket.write(
    [
      ...[`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', `Authorization: Bearer ${token}`],
      ...['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
      ...[`Sec-WebSocket-Key: ${btoa('0123456789abcdef')}`, '', ''],
    ].join('\r\n'),
  );
  return { ended: Promise.resolve(), leave: () => socket.destroy() };
}

const said = ({ median, min, max }: Spread): string =>
  `${Math.round(median)} (${Math.round(min)} to ${Math.round(max)})`;
