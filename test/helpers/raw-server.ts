// In: what to do with each connection. Out: a TCP server on this thread, for what no HTTP server would do. A blocking
// flush on the same thread would wait for it for ever.
import { createServer, type Socket } from 'node:net';

/** A server of bare sockets. */
export interface RawServer extends AsyncDisposable {
  readonly url: string;
  /** Every socket there was, oldest first. */
  readonly sockets: readonly Socket[];
}

/** Starts a server; `serve` gets each connection and its number, from 0. */
export async function startRawServer(serve: (socket: Socket, index: number) => void): Promise<RawServer> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {}); // The client may leave in any way it likes.
    serve(socket, sockets.push(socket) - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
