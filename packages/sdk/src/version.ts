// The version in package.json, as it is sent in `context.library` and `User-Agent`. The build puts it in.
declare const OFFTHREAD_VERSION: string;

/** Version of `@offthread/sdk`. */
export const version: string = OFFTHREAD_VERSION;
