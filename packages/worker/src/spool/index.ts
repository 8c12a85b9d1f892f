// Exports the parts of the spool that tests and tools use.
export * from './adopted-run.js';
export * from './adoption.js';
export * from './cursor.js';
export * from './dead-letters.js';
export * from './file-system.js';
export * from './holder.js';
export * from './holder-watch.js';
export * from './own-run.js';
export * from './record.js';
export * from './retention.js';
export * from './run-folder.js';
export * from './run-reader.js';
export * from './run-writer.js';
export * from './segment.js';
export * from './socket-path.js';
export * from './source.js';
