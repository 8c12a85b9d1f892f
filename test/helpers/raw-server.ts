// In: what to do with each connection. Out: a TCP server on this thread, for what no HTTP server would do. A blocking
// flush on the same thread would wait for it for ever.
import { createServer, type Socket } from 'node:net';

/** A server of bare sockets. */
export interface RawServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Every socket there was, oldest first. */
  readonly sockets: readonly Socket[];
}

/** Starts a server, at any port unless one is given; `serve` gets each connection and its number, from 0. */
export async function startRawServer(
  serve: (socket: Socket, index: number) => void,
  { host = '127.0.0.1', port = 0 } = {},
): Promise<RawServer> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {}); // The client may leave in any way it likes.
    serve(socket, sockets.push(socket) - 1);
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://${host}:${bound}`,
    port: bound,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
