// The version in package.json, sent in `context.library` and `User-Agent`. The build inserts it.
declare const OFFTHREAD_VERSION: string;

/** Version of `@offthread/sdk`. */
export const version: string = OFFTHREAD_VERSION;
