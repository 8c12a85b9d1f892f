// The declarations that the SDK publishes: those that its exports lead to, and what they import of @offthread/worker,
// which isn't published.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/** From the specifier of an import or of an `import()` type to what follows it. */
const IMPORT = /((?:from|import\() ?['"])([^'"]+)(['"])/g;

/** Leaves in `dist` what the modules `names` lead to. `worker` is the folder of the declarations of @offthread/worker. */
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
    // Written only if it differs: whoever refers to this project is compiled again when its declarations are newer.
    if (existsSync(file) && readFileSync(file, 'utf8') === changed) continue;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, changed);
  }
  for (const each of readdirSync(dist, { recursive: true })) {
    if (/\.d\.ts(\.map)?$/.test(each) && !kept.has(join(dist, each.replace(/\.map$/, ''))))
      rmSync(join(dist, each));
  }
}
