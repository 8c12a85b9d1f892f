// Lets a command ask the relay that has locked a directory to send dead letters again: by a file in the directory. Used
// by disk-engine.ts and commands/inspect.ts.
//
// Other users may write to the directory, if somebody has made it so. So links aren't followed, and nothing is written
// to a file that is there.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds to wait for the relay, which looks once a second. */
const LIMIT_MS = 30_000;
const LOOK_MS = 100;

const REQUEST = /^replay-[0-9a-f]{16}\.request$/;

/** More than the ids of all dead letters that a source can have. */
const MAX_REQUEST_BYTES = 4_000_000;

/** Windows has neither links that anybody may make nor pipes in folders. */
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

interface ReplayRequest {
  readonly source: string;
  readonly ids: readonly string[];
}

/** Asks the relay. Resolves with how many were stored again. Rejects with the relay's reason, or if it doesn't answer. */
export async function requestReplay(directory: string, request: ReplayRequest): Promise<number> {
  const path = `${directory}/replay-${randomBytes(8).toString('hex')}`;
  put(path, 'request', request);
  const start = performance.now();
  while (performance.now() - start < LIMIT_MS) {
    await sleep(LOOK_MS);
    const answer = readAnswer(`${path}.answer`);
    if (answer === undefined) continue;
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.count ?? 0;
  }
  rmSync(`${path}.request`, { force: true });
  throw new Error(`the relay that uses ${directory} has not answered; stop it and try again`);
}

/** Answers the requests in a directory. Never rejects. */
export async function answerRequests(
  directory: string,
  replay: (source: string, ids: readonly string[]) => Promise<number>,
): Promise<void> {
  for (const name of requestsIn(directory)) {
    const path = `${directory}/${name}`;
    let answer: { count?: number; error?: string };
    try {
      const request = readRequest(path);
      // Before it is done: a request that can't be removed must not be done again and again.
      rmSync(path);
      if (request === undefined) continue;
      answer = { count: await replay(request.source, request.ids) };
    } catch (error) {
      answer = { error: error instanceof Error ? error.message : String(error) };
    }
    try {
      put(path.replace(/\.request$/, ''), 'answer', answer);
    } catch {
      // The command reports that there was no answer.
    }
  }
}

/** Makes a file that appears with all of its content. */
function put(path: string, ending: 'request' | 'answer', content: object): void {
  writeFileSync(`${path}.new`, JSON.stringify(content), { mode: 0o600, flag: 'wx' });
  renameSync(`${path}.new`, `${path}.${ending}`);
}

/** Returns undefined if the file isn't a request. Opening a pipe would otherwise wait for somebody to write to it. */
function readRequest(path: string): ReplayRequest | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const facts = fstatSync(file);
    if (!facts.isFile() || facts.size > MAX_REQUEST_BYTES) return undefined;
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function requestsIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => REQUEST.test(name));
  } catch {
    return [];
  }
}

function readAnswer(path: string): { readonly count?: number; readonly error?: string } | undefined {
  try {
    const answer = JSON.parse(readFileSync(path, 'utf8'));
    rmSync(path);
    return answer;
  } catch {
    return undefined;
  }
}
