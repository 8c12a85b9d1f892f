// Reads from the lockfile what the workspace's packages depend on.
import { readFileSync } from 'node:fs';

interface Node {
  [name: string]: Node | string;
}

const lockfile = parse(readFileSync(new URL('../../pnpm-lock.yaml', import.meta.url), 'utf8'));

/** Returns `name@version` of each direct and indirect run-time dependency of these folders. */
export function dependenciesOf(...folders: readonly string[]): Set<string> {
  const found = new Set<string>();
  const visit = (dependencies: Node): void => {
    for (const [name, given] of Object.entries(dependencies)) {
      const version = typeof given === 'string' ? given : `${given['version']}`;
      const id = `${name}@${version}`;
      if (version.startsWith('link:') || found.has(id)) continue;
      found.add(id);
      const snapshot = at(lockfile, 'snapshots', id);
      visit({ ...at(snapshot, 'dependencies'), ...at(snapshot, 'optionalDependencies') });
    }
  };
  for (const folder of folders) visit(at(lockfile, 'importers', folder, 'dependencies'));
  return found;
}

function at(node: Node, ...path: readonly string[]): Node {
  const [name, ...rest] = path;
  if (name === undefined) return node;
  const next = node[name];
  return typeof next === 'object' ? at(next, ...rest) : {};
}

/** Parses the part of YAML that pnpm uses in its lockfile: maps, by indentation. */
function parse(text: string): Node {
  const root: Node = {};
  const open: { indent: number; node: Node }[] = [{ indent: -1, node: root }];
  for (const line of text.split('\n')) {
    const [, indent, name, value] = /^( *)'?([^' ]+?)'?:(?: (.*))?$/.exec(line) ?? [];
    if (indent === undefined || name === undefined) continue;
    while ((open.at(-1)?.indent ?? -1) >= indent.length) open.pop();
    const parent = open.at(-1)?.node ?? root;
    if (value !== undefined) parent[name] = value.replace(/^'|'$/g, '');
    else {
      const node: Node = {};
      parent[name] = node;
      open.push({ indent: indent.length, node });
    }
  }
  return root;
}
