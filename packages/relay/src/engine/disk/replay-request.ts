// Lets a command ask the relay that has locked a directory to send dead letters again: by a file in the directory, which
// only the relay's user can write to. Used by disk-engine.ts and commands/dead.ts.
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds to wait for the relay, which looks once a second. */
const LIMIT_MS = 30_000;
const LOOK_MS = 100;

const REQUEST = /^replay-[0-9a-f]{16}\.request$/;

interface ReplayRequest {
  readonly source: string;
  readonly ids: readonly string[];
}

/** Asks the relay. Resolves with how many were stored again. Rejects with the relay's reason, or if it doesn't answer. */
export async function requestReplay(directory: string, request: ReplayRequest): Promise<number> {
  const path = `${directory}/replay-${randomBytes(8).toString('hex')}`;
  writeFileSync(`${path}.new`, JSON.stringify(request), { mode: 0o600 });
  renameSync(`${path}.new`, `${path}.request`);
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
      const { source, ids }: ReplayRequest = JSON.parse(readFileSync(path, 'utf8'));
      // Before it is done: a request that can't be removed must not be done again and again.
      rmSync(path);
      answer = { count: await replay(source, ids) };
    } catch (error) {
      answer = { error: error instanceof Error ? error.message : String(error) };
    }
    try {
      const place = path.replace(/\.request$/, '');
      writeFileSync(`${place}.new`, JSON.stringify(answer), { mode: 0o600 });
      renameSync(`${place}.new`, `${place}.answer`);
    } catch {
      // The command reports that there was no answer.
    }
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
