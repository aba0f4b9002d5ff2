// A way to the service that can be cut: what goes through it is lost as a network loses it, without a word to either side.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './service.ts';

export class Relay {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Leads to this address. */
  static async start(to: string): Promise<Relay> {
    const target = Number(new URL(to).port);
    const port = await freePort();
    const server = createServer((near) => {
      const far = connect(target, '127.0.0.1');
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        relay.#sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => {
          relay.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
    const relay = new Relay(server, port);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return relay;
  }

  /** All connections that go through it now. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  stop(): void {
    this.cut();
    this.#server.close();
  }
}
