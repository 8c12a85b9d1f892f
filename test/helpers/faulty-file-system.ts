// A file system whose operations can be made to fail, and which counts syncs.
import { type FileSystem, nodeFileSystem } from '@offthread/worker/spool/file-system';

export class FaultyFileSystem implements FileSystem {
  /** The next writes, syncs or truncations fail with this code while it is set. */
  failWrites: string | undefined;
  failSyncs: string | undefined;
  failTruncations: string | undefined;
  /** Most bytes of a write that fails; they are written. */
  partBeforeFailure = 0;
  syncs = 0;

  readonly open = nodeFileSystem.open;
  readonly close = nodeFileSystem.close;
  readonly size = nodeFileSystem.size;
  readonly read = nodeFileSystem.read;
  readonly syncFolder = nodeFileSystem.syncFolder;
  readonly makeFolder = nodeFileSystem.makeFolder;
  readonly list = nodeFileSystem.list;
  readonly facts = nodeFileSystem.facts;
  readonly rename = nodeFileSystem.rename;
  readonly remove = nodeFileSystem.remove;
  readonly removeFolder = nodeFileSystem.removeFolder;

  write(file: number, bytes: Uint8Array, position: number): number {
    if (this.failWrites === undefined) return nodeFileSystem.write(file, bytes, position);
    nodeFileSystem.write(file, bytes.subarray(0, this.partBeforeFailure), position);
    throw Object.assign(new Error(this.failWrites), { code: this.failWrites });
  }

  truncate(file: number, length: number): void {
    if (this.failTruncations !== undefined)
      throw Object.assign(new Error(this.failTruncations), { code: this.failTruncations });
    nodeFileSystem.truncate(file, length);
  }

  sync(file: number, done: (error: Error | null) => void): void {
    this.syncs += 1;
    const code = this.failSyncs;
    if (code === undefined) nodeFileSystem.sync(file, done);
    else setImmediate(() => done(Object.assign(new Error(code), { code })));
  }
}
