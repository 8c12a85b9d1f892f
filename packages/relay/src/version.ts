// The version in package.json. The build inserts it.
declare const OFFTHREAD_VERSION: string;

/** Version of `@offthread/relay`. */
export const version: string = OFFTHREAD_VERSION;
