// Starts a TCP server on this thread, for replies that no HTTP server would send. A blocking flush on the same thread
// would wait for it forever.
import { createServer, type Socket } from 'node:net';

/** A server of plain sockets. */
export interface RawServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** All sockets so far, oldest first. */
  readonly sockets: readonly Socket[];
}

/** Starts a server, on any free port by default. `serve` gets each connection and its number, starting at 0. */
export async function startRawServer(
  serve: (socket: Socket, index: number) => void,
  { host = '127.0.0.1', port = 0 } = {},
): Promise<RawServer> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {}); // The client may close the connection in any way.
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
