// A file system in memory that can fail, fill up and lose power. What is not synced may then be there, missing or torn, in any
// order; names too. Stricter than any real one: a file that is synced can still lose its name.
import { dirname } from 'node:path';
import type { FileFacts, FileSystem } from '@offthread/worker/spool/index';

type Random = () => number;

/** A write that is not on the disk. */
interface Write {
  readonly position: number;
  /** Undefined: truncated there. */
  readonly bytes: Buffer | undefined;
}

class File {
  content: Buffer = Buffer.alloc(0);
  disk: Buffer = Buffer.alloc(0);
  pending: Write[] = [];
  mtimeMs = 0;

  write(position: number, bytes: Buffer | undefined): void {
    this.content = applied(this.content, position, bytes);
    this.pending.push({ position, bytes });
  }
}

/** A change of names that is not on the disk: all of it happens, or nothing. */
type Change = ReadonlyMap<string, Node | undefined>;

class Folder {
  readonly entries = new Map<string, Node>();
  readonly disk = new Map<string, Node>();
  pending: Change[] = [];
  mtimeMs = 0;

  change(change: Change): void {
    apply(this.entries, change);
    this.pending.push(change);
  }
}

type Node = File | Folder;

export class ModelFileSystem implements FileSystem {
  readonly root: Folder;
  readonly #open = new Map<number, File>();
  #inFlight: (() => void)[] = [];
  /** Milliseconds since 1970. */
  time = 0;
  /** Bytes that fit on the disk. */
  capacity = Number.POSITIVE_INFINITY;
  /** Asked before each operation: the code of an error that it is to fail with. */
  fault: (operation: keyof FileSystem, path: string) => string | undefined = () => undefined;
  /** Whether syncs end only with `completeSyncs()`. */
  isLazy = false;
  readonly #paths = new Map<number, string>();

  constructor(root = new Folder()) {
    this.root = root;
  }

  open(path: string, flags: 'r' | 'r+' | 'wx+'): number {
    this.#check('open', path);
    const { folder, name } = this.#place(path);
    let node = folder.entries.get(name);
    if (flags === 'wx+') {
      if (node !== undefined) throw failure('EEXIST', path);
      if (this.used >= this.capacity) throw failure('ENOSPC', path);
      node = new File();
      node.mtimeMs = this.time;
      folder.change(new Map([[name, node]]));
    }
    if (node === undefined) throw failure('ENOENT', path);
    if (!(node instanceof File)) throw failure('EISDIR', path);
    let number = 3;
    while (this.#open.has(number)) number++;
    this.#open.set(number, node);
    this.#paths.set(number, path);
    return number;
  }

  close(file: number): void {
    this.#file(file);
    this.#open.delete(file);
  }

  size(file: number): number {
    return this.#file(file).content.length;
  }

  read(file: number, target: Uint8Array, position: number): number {
    this.#check('read', this.#paths.get(file) ?? '');
    const { content } = this.#file(file);
    return position >= content.length ? 0 : content.copy(target, 0, position, position + target.length);
  }

  write(file: number, bytes: Uint8Array, position: number): number {
    const node = this.#file(file);
    this.#check('write', this.#paths.get(file) ?? '');
    const room = this.capacity - this.used + Math.max(0, node.content.length - position);
    const length = Math.min(bytes.length, room);
    if (length <= 0) throw failure('ENOSPC', 'write');
    node.write(position, Buffer.from(bytes.subarray(0, length)));
    node.mtimeMs = this.time;
    return length;
  }

  truncate(file: number, length: number): void {
    this.#check('truncate', this.#paths.get(file) ?? '');
    this.#file(file).write(length, undefined);
  }

  sync(file: number, done: (error: Error | null) => void): void {
    const node = this.#file(file);
    const code = this.fault('sync', this.#paths.get(file) ?? '');
    const { pending } = node;
    const count = pending.length;
    this.#later(() => {
      const writes = node.pending.splice(0, count);
      // What could not be written is forgotten, and still shows in the file: a second sync would say that all is well.
      if (code === undefined)
        for (const { position, bytes } of writes) node.disk = applied(node.disk, position, bytes);
      done(code === undefined ? null : failure(code, 'sync'));
    });
  }

  syncFolder(path: string, done: (error: Error | null) => void): void {
    const code = this.fault('syncFolder', path);
    const folder = this.#folder(path);
    const count = folder.pending.length;
    this.#later(() => {
      if (code === undefined)
        for (const change of folder.pending.splice(0, count)) apply(folder.disk, change);
      done(code === undefined ? null : failure(code, 'syncFolder'));
    });
  }

  makeFolder(path: string): void {
    this.#check('makeFolder', path);
    const { folder, name } = this.#place(path);
    if (folder.entries.has(name)) throw failure('EEXIST', path);
    folder.change(new Map([[name, new Folder()]]));
  }

  list(path: string): string[] {
    this.#check('list', path);
    return [...this.#folder(path).entries.keys()];
  }

  facts(path: string): FileFacts {
    const node = this.#node(path);
    return { size: node instanceof File ? node.content.length : 0, mtimeMs: node.mtimeMs, uid: 0 };
  }

  rename(from: string, to: string): void {
    this.#check('rename', from);
    const { folder, name } = this.#place(from);
    const node = folder.entries.get(name);
    if (node === undefined) throw failure('ENOENT', from);
    folder.change(
      new Map([
        [name, undefined],
        [this.#place(to).name, node],
      ]),
    );
  }

  remove(path: string): void {
    this.#check('remove', path);
    if (!(this.#node(path) instanceof File)) throw failure('EISDIR', path);
    const { folder, name } = this.#place(path);
    folder.change(new Map([[name, undefined]]));
  }

  removeFolder(path: string): void {
    this.#check('removeFolder', path);
    if (this.#folder(path).entries.size > 0) throw failure('ENOTEMPTY', path);
    const { folder, name } = this.#place(path);
    folder.change(new Map([[name, undefined]]));
  }

  /** Ends the syncs that were begun. */
  completeSyncs(): void {
    while (this.#inFlight.length > 0) this.#inFlight.shift()?.();
  }

  /** What a machine finds that lost power at this moment, by one of the ways in which that may go. */
  afterPowerLoss(random: Random): ModelFileSystem {
    return new ModelFileSystem(survivingFolder(this.root, random, new Map()));
  }

  /** The content of a file, to look at and to damage. */
  contentOf(path: string): Buffer {
    const node = this.#node(path);
    if (!(node instanceof File)) throw failure('EISDIR', path);
    return node.content;
  }

  setContent(path: string, content: Buffer): void {
    const node = this.#node(path);
    if (!(node instanceof File)) throw failure('EISDIR', path);
    node.content = Buffer.from(content);
  }

  /** Bytes of all files. */
  get used(): number {
    const sizeOf = (node: Node): number =>
      node instanceof File
        ? node.content.length
        : [...node.entries.values()].reduce((sum, each) => sum + sizeOf(each), 0);
    return sizeOf(this.root);
  }

  #later(end: () => void): void {
    if (this.isLazy) this.#inFlight.push(end);
    else end();
  }

  #check(operation: keyof FileSystem, path: string): void {
    const code = this.fault(operation, path);
    if (code !== undefined) throw failure(code, path);
  }

  #file(number: number): File {
    const file = this.#open.get(number);
    if (file === undefined) throw failure('EBADF', String(number));
    return file;
  }

  #node(path: string): Node {
    let node: Node | undefined = this.root;
    for (const name of path.split('/').filter((each) => each !== '')) {
      node = node instanceof Folder ? node.entries.get(name) : undefined;
    }
    if (node === undefined) throw failure('ENOENT', path);
    return node;
  }

  #folder(path: string): Folder {
    const node = this.#node(path);
    if (!(node instanceof Folder)) throw failure('ENOTDIR', path);
    return node;
  }

  #place(path: string): { readonly folder: Folder; readonly name: string } {
    return { folder: this.#folder(dirname(path)), name: path.slice(path.lastIndexOf('/') + 1) };
  }
}

/** Numbers from 0 to 1, the same for the same seed. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SECTOR = 512;

function survivingFolder(folder: Folder, random: Random, done: Map<Node, Node>): Folder {
  const entries = new Map(folder.disk);
  for (const change of folder.pending) if (random() < 0.5) apply(entries, change);
  const survivor = new Folder();
  for (const [name, node] of entries) {
    const known = done.get(node);
    const made =
      known ?? (node instanceof File ? survivingFile(node, random) : survivingFolder(node, random, done));
    done.set(node, made);
    survivor.entries.set(name, made);
    survivor.disk.set(name, made);
  }
  return survivor;
}

function survivingFile(file: File, random: Random): File {
  let content = file.disk;
  // At one time nearly nothing is lost, at another nearly all.
  const kept = random();
  for (const { position, bytes } of file.pending) {
    if (bytes === undefined) {
      if (random() < kept) content = applied(content, position, undefined);
      continue;
    }
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + SECTOR - ((position + at) % SECTOR));
      if (random() < kept) {
        const torn = random() < 0.1 ? at + Math.floor(random() * (end - at)) : end;
        content = applied(content, position + at, bytes.subarray(at, torn));
      }
      at = end;
    }
  }
  // The size may have been written, and the content not.
  if (content.length < file.content.length && random() < 0.3)
    content = Buffer.concat([content, Buffer.alloc(file.content.length - content.length)]);
  const survivor = new File();
  survivor.content = content;
  survivor.disk = content;
  return survivor;
}

function applied(content: Buffer, position: number, bytes: Buffer | undefined): Buffer {
  if (bytes === undefined) return Buffer.from(content.subarray(0, position));
  const result = Buffer.alloc(Math.max(content.length, position + bytes.length));
  content.copy(result);
  bytes.copy(result, position);
  return result;
}

function apply(entries: Map<string, Node>, change: Change): void {
  for (const [name, node] of change) {
    if (node === undefined) entries.delete(name);
    else entries.set(name, node);
  }
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
