// Gathers the declarations to publish: those of the exports, and what they import, also from @offthread/worker, which isn't
// published.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/** An import or an `import()` type: the text up to its specifier, the specifier, and the closing quote. */
const IMPORT = /((?:from|import\() ?['"])([^'"]+)(['"])/g;

/** Leaves in `dist` only the declarations that the modules `names` need. Takes those of the worker from the folder `worker`. */
export function gatherDeclarations(dist, names, worker) {
  const kept = new Set();
  const queue = names.map((name) => join(dist, `${name}.d.ts`));
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (kept.has(file)) continue;
    kept.add(file);
    const ofWorker = join(dist, 'worker');
    const source = file.startsWith(ofWorker + sep) ? join(worker, relative(ofWorker, file)) : file;
    const code = readFileSync(source, 'utf8').replace(
      /\n\/\/# sourceMappingURL=.*/,
      file === source ? '$&' : '',
    );
    const changed = code.replace(IMPORT, (whole, before, specifier, after) => {
      const [, name] = /^@offthread\/worker\/(.+)$/.exec(specifier) ?? [];
      if (name === undefined && !specifier.startsWith('.')) return whole;
      const target =
        name === undefined
          ? join(dirname(file), specifier.replace(/\.js$/, '.d.ts'))
          : join(ofWorker, `${name}.d.ts`);
      queue.push(target);
      const path = relative(dirname(file), target)
        .replaceAll(sep, '/')
        .replace(/\.d\.ts$/, '.js');
      return before + (path.startsWith('.') ? path : `./${path}`) + after;
    });
    // Written only if changed, because `tsc -b` rebuilds dependent projects when these files are newer.
    if (existsSync(file) && readFileSync(file, 'utf8') === changed) continue;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, changed);
  }
  for (const each of readdirSync(dist, { recursive: true })) {
    if (/\.d\.ts(\.map)?$/.test(each) && !kept.has(join(dist, each.replace(/\.map$/, ''))))
      rmSync(join(dist, each));
  }
}
