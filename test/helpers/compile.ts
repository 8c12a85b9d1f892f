// Compiles a TypeScript program, with the packages that tests can import, and returns the compiler's output.
import { execFile } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = join(root, 'test/node_modules');

/** The compiler of this repository, and the last one written in JavaScript. */
export const COMPILERS = {
  'TypeScript 7': join(root, 'node_modules/.bin/tsc'),
  'TypeScript 5': join(modules, 'typescript-5/bin/tsc'),
} as const;

export type Compiler = keyof typeof COMPILERS;

/** Returns the compiler's output, which is empty on success. `type` is the one in the program's package.json. */
export async function compile(
  compiler: Compiler,
  program: string,
  options: object = {},
  type: 'module' | 'commonjs' = 'module',
): Promise<string> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'offthread-compile-')));
  try {
    symlinkSync(modules, join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type }));
    writeFileSync(join(folder, 'program.ts'), program);
    const compilerOptions = {
      target: 'ES2022',
      module: 'NodeNext',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
      ...options,
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }));
    const { stdout } = await run(COMPILERS[compiler], ['--pretty', 'false'], { cwd: folder }).catch(
      (error: { stdout: string }) => error,
    );
    return stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
